import { ApiError } from '../api/http'
import { Fault } from '../inference/errors'

/** Whatever was thrown, with a code. */
export function faultOf(error: unknown): Fault | ApiError {
  if (error instanceof Fault || error instanceof ApiError) return error
  return new Fault('internal', error instanceof Error ? error.message : String(error))
}
