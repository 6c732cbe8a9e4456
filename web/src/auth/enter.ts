/** The way into a page: who signs people in here, and whether somebody is. */
import { ApiError, request, requestJson } from '../api/http'
import type { Issuer } from './issuer'
import { Session } from './session'

export const EDITOR = '/process/background-removal-v2'
export const ACCOUNT = '/account'
const SIGN_IN = '/sign-in'
const API = { baseUrl: '', token: null } as const

export interface Ways {
  /** False under `cutout dev`: its one user is there without. */
  readonly needed: boolean
  /** Null where only API keys are good. */
  readonly issuer: Issuer | null
}

export const ways = (): Promise<Ways> => requestJson<Ways>(API, '/api/session')

/** Null: nobody signs in here. Goes to the sign-in page, and never returns, where somebody must. */
export async function enter(): Promise<Session | null> {
  const { needed, issuer } = await ways()
  if (!needed) return null
  const session = issuer && new Session(issuer)
  if (session && ((await session.renew()) || (await known()))) return session
  leave()
  return new Promise(() => undefined)
}

/** Whether the server knows who asks. */
export async function known(): Promise<boolean> {
  try {
    await request(API, '/api/account')
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false
    throw error
  }
}

/** To the sign-in page, and back here from there. */
export function leave(): void {
  location.assign(signInUrl())
}

export const signInUrl = (): string => `${SIGN_IN}?next=${encodeURIComponent(location.pathname)}`

/** Where `?next=` leads: a page of this server, whatever it says. */
export function nextOf(query: string, origin: string): string {
  const next = new URLSearchParams(query).get('next') ?? ACCOUNT
  try {
    const url = new URL(next, origin)
    return url.origin === origin && next.startsWith('/') ? url.pathname + url.search : ACCOUNT
  } catch {
    return ACCOUNT
  }
}
