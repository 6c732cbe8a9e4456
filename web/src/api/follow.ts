/**
 * A job until its end, by the best way that works here: WebSocket, else SSE, else long polling. A way that breaks is left for
 * the next one; the server sends the present state first on each, so nothing is missed in between. An interruption of the
 * network is waited out: a restart of the server loses nothing.
 */
import { ApiError, request, requestJson, urlOf, type ApiConfig } from './http'
import { readEvents } from './sse'
import { ended, type Job } from './types'

export type Way = 'websocket' | 'sse' | 'poll'

export interface Follow<J extends Job> {
  readonly onChange: (job: J) => void
  /** The connection is interrupted and being tried again (true), or back (false). */
  readonly onInterrupted?: (interrupted: boolean) => void
  readonly signal?: AbortSignal
}

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000]
const POLL_WAIT_S = 25
/** No job is without news for so long while a worker has it; one that waits in line is asked for its place then. */
const SILENCE_MS = 20_000

export async function follow<J extends Job>(config: ApiConfig, job: J, { onChange, onInterrupted, signal }: Follow<J>): Promise<J> {
  let latest = job
  const see = (next: Job): void => {
    latest = next as J // a job never changes its kind
    onInterrupted?.(false)
    onChange(latest)
  }
  onChange(job)
  let failures = 0
  for (const ways = waysFor(config, job); !ended(latest.status); ) {
    signal?.throwIfAborted()
    const way = ways[0] ?? 'poll'
    try {
      await WAYS[way](config, latest, see, signal)
      failures = 0
    } catch (error) {
      if (ways.length > 1) ways.shift()
      else if (!(error instanceof ApiError) || !error.temporary) throw error
      else {
        onInterrupted?.(true)
        await pause(BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)] ?? 0, signal)
      }
    }
  }
  return latest
}

/** Why a job that ended has no result. */
export function failureOf(job: Job): ApiError {
  return new ApiError(job.error?.code ?? job.status, job.error?.message ?? `the job has ${job.status}`, 0)
}

function waysFor(config: ApiConfig, job: Job): Way[] {
  // A browser's WebSocket cannot carry a bearer token.
  return [
    ...(job.urls.ws !== undefined && config.token === null ? ['websocket' as const] : []),
    ...(job.urls.events === undefined ? [] : ['sse' as const]),
    'poll',
  ]
}

type See = (job: Job) => void
type Walk = (config: ApiConfig, job: Job, see: See, signal?: AbortSignal) => Promise<void>

/** Resolves when the job ended; rejects when the socket closed before. */
const overWebSocket: Walk = (config, job, see, signal) =>
  new Promise((resolve, reject) => {
    const url = new URL(urlOf(config, job.urls.ws ?? ''), location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = new WebSocket(url)
    // A cut line closes no socket: the browser's word for it does, and so does silence.
    const close = (): void => socket.close()
    globalThis.addEventListener('offline', close, { once: true })
    let silence = setTimeout(close, SILENCE_MS)
    socket.onmessage = (event: MessageEvent<string>) => {
      clearTimeout(silence)
      silence = setTimeout(close, SILENCE_MS)
      const next = jobIn(event.data)
      if (!next) return
      see(next)
      if (!ended(next.status)) return
      resolve()
      close()
    }
    socket.onclose = () => {
      clearTimeout(silence)
      globalThis.removeEventListener('offline', close)
      reject(new ApiError('network', 'the connection closed', 0))
    }
    signal?.addEventListener('abort', close, { once: true })
  })

const overEvents: Walk = async (config, job, see, signal) => {
  const response = await request(config, job.urls.events ?? '', {
    headers: { Accept: 'text/event-stream' }, ...(signal ? { signal } : {}),
  })
  if (!response.body) throw new ApiError('network', 'no event stream', 0)
  for await (const data of readEvents(response.body)) {
    const next = jobIn(data)
    if (!next) continue
    see(next)
    if (ended(next.status)) return
  }
  throw new ApiError('network', 'the event stream ended', 0)
}

/** One long poll. While progress is wanted the answer must not wait for the end, so a running job is asked every second. */
const overPolling: Walk = async (config, job, see, signal) => {
  const wait = job.status === 'queued' && job.queue_position !== null && job.queue_position > 3 ? POLL_WAIT_S : 1
  see(await requestJson<Job>(config, `${job.urls.self}?wait=${wait}`, signal ? { signal } : {}))
}

const WAYS: Record<Way, Walk> = { websocket: overWebSocket, sse: overEvents, poll: overPolling }

/** The job in a message: bare over SSE, in an envelope over WebSocket. What is no job (an error, a ping) is no news of it. */
export function jobIn(text: string): Job | null {
  try {
    const message = JSON.parse(text) as { readonly data?: unknown } | null
    const value = message?.data ?? message
    return isJob(value) ? value : null
  } catch {
    return null
  }
}

function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && 'id' in value && 'status' in value
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    // Back online is the moment to ask, not the end of the pause.
    globalThis.addEventListener('online', () => resolve(), { once: true })
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new DOMException('aborted', 'AbortError'))
    }, { once: true })
  })
}
