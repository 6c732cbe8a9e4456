/** One request to the API: URL, credentials, problem documents (RFC 9457) as typed errors. */
export interface ApiConfig {
  /** Origin of the API; empty means the page's own. */
  readonly baseUrl: string
  /** Bearer token for embedding pages; null where a cookie or the local user speaks. */
  readonly token: (() => Promise<string>) | null
}

/** A failure of the API or on the way to it. `code` is the API's own, or `offline` / `network`. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly requestId: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** The same request may succeed later. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

export const urlOf = (config: ApiConfig, path: string): string => `${config.baseUrl}${path}`

export async function authHeaders(config: ApiConfig): Promise<Record<string, string>> {
  return config.token ? { Authorization: `Bearer ${await config.token()}` } : {}
}

export async function request(config: ApiConfig, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(await authHeaders(config)), ...(init.headers as Record<string, string> | undefined) }
  const response = await reach(urlOf(config, path), { ...init, headers })
  if (!response.ok) throw await problemOf(response)
  return response
}

export async function requestJson<T>(config: ApiConfig, path: string, init: RequestInit = {}): Promise<T> {
  const response = await request(config, path, init)
  return (await response.json()) as T
}

export const jsonBody = (body: object, method = 'POST'): RequestInit => ({
  method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' },
})

/** `fetch`, its failure to get there as an ApiError. */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (error instanceof TypeError) throw unreachable()
    throw error
  }
}

export function unreachable(): ApiError {
  return navigator.onLine ? new ApiError('network', 'the server cannot be reached', 0) : new ApiError('offline', 'no connection', 0)
}

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly title?: string
  readonly request_id?: string
}

async function problemOf(response: Response): Promise<ApiError> {
  return problemFrom(response.status, await response.text(), (name) => response.headers.get(name))
}

export function problemFrom(status: number, text: string, header: (name: string) => string | null): ApiError {
  const problem = parseProblem(text)
  const after = Number(header('Retry-After') ?? NaN)
  return new ApiError(
    problem.code ?? 'http', problem.detail ?? problem.title ?? `the server answered ${status}`, status,
    problem.request_id ?? header('X-Request-Id'), Number.isFinite(after) ? after : null,
  )
}

function parseProblem(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {} // a proxy's HTML page: the status is all there is
  }
}
