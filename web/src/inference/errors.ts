/** Failures with a stable code, on both sides of the worker boundary. The words for people are in strings.ts. */
export type FaultCode =
  | 'offline'
  | 'network'
  | 'http'
  | 'expired'
  | 'corrupt_download'
  | 'insecure_context'
  | 'embedding_unreadable'
  | 'engine_unavailable'
  | 'engine_wrong'
  | 'worker_lost'
  | 'superseded'
  | 'aborted'
  | 'internal'

export class Fault extends Error {
  constructor(
    readonly code: FaultCode,
    message: string,
    readonly status?: number,
  ) {
    super(message)
    this.name = 'Fault'
  }
}

/** What crosses a message port: an Error subclass would arrive as a bare Error. */
export interface FaultData {
  readonly code: FaultCode
  readonly message: string
  readonly status?: number
}

export function toData(error: unknown): FaultData {
  if (error instanceof Fault) {
    return { code: error.code, message: error.message, ...(error.status === undefined ? {} : { status: error.status }) }
  }
  if (error instanceof DOMException && error.name === 'AbortError') return { code: 'aborted', message: error.message }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
}

export function fromData(data: FaultData): Fault {
  return new Fault(data.code, data.message, data.status)
}
