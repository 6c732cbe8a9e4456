/** The calls of Supabase Auth that signing in takes; `cutout issuer` answers the same. */
import { ApiError, reach } from '../api/http'

export interface Issuer {
  /** `https://…/auth/v1` */
  readonly url: string
  /** Supabase's public key; `cutout issuer` has none. */
  readonly key: string | null
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
  /** Milliseconds by this browser's clock, whatever it shows. */
  readonly expiresAt: number
}

interface Granted {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
}

export function byPassword(issuer: Issuer, email: string, password: string): Promise<Tokens> {
  return grant(issuer, 'password', { email, password })
}

export function byRefresh(issuer: Issuer, refreshToken: string): Promise<Tokens> {
  return grant(issuer, 'refresh_token', { refresh_token: refreshToken })
}

/** Ends this browser's sign-in; those of other devices go on. */
export async function logout(issuer: Issuer, accessToken: string): Promise<void> {
  await ask(issuer, '/logout?scope=local', { Authorization: `Bearer ${accessToken}` })
}

async function grant(issuer: Issuer, type: string, body: object): Promise<Tokens> {
  const asked = Date.now()
  const answer = await ask(issuer, `/token?grant_type=${type}`, {}, body)
  const granted = (await answer.json()) as Granted
  return { accessToken: granted.access_token, refreshToken: granted.refresh_token, expiresAt: asked + granted.expires_in * 1000 }
}

async function ask(issuer: Issuer, path: string, headers: Record<string, string>, body: object = {}): Promise<Response> {
  const key: Record<string, string> = issuer.key === null ? {} : { apikey: issuer.key }
  const response = await reach(`${issuer.url}${path}`, {
    method: 'POST', body: JSON.stringify(body), headers: { ...key, ...headers, 'Content-Type': 'application/json' },
  })
  if (!response.ok) throw await refusalOf(response)
  return response
}

async function refusalOf(response: Response): Promise<ApiError> {
  const said = (await response.json().catch(() => ({}))) as { error_code?: string; msg?: string }
  const after = Number(response.headers.get('Retry-After') ?? NaN)
  return new ApiError(said.error_code ?? 'http', said.msg ?? `the issuer answered ${response.status}`, response.status, null, Number.isFinite(after) ? after : null)
}
