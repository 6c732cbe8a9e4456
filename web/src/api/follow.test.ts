import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { follow, jobIn } from './follow'
import type { ApiConfig } from './http'
import type { EncodeJob, JobStatus } from './types'

const job = (status: JobStatus, urls: Partial<EncodeJob['urls']> = {}): EncodeJob =>
  ({ id: 'j', kind: 'encode', status, progress: 0, queue_position: null, urls: { self: '/job', cancel: '', result: '', ...urls } }) as unknown as EncodeJob

let server: Server | undefined
beforeEach(() => vi.stubGlobal('addEventListener', () => undefined)) // Node has no online event
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A real server; `answers` are given one by one to whoever asks, by path. */
async function serve(answers: Record<string, ((response: ServerResponse) => void)[]>): Promise<{ config: ApiConfig; asked: string[] }> {
  const asked: string[] = []
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(path)
    const next = answers[path]?.shift()
    if (next) next(response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { config: { baseUrl: `http://127.0.0.1:${port}`, token: () => Promise.resolve('t') }, asked }
}

const says = (value: unknown) => (response: ServerResponse): void => void response.end(JSON.stringify(value))
const streams = (...values: unknown[]) => (response: ServerResponse): void => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (const value of values) response.write(`id: 1\nevent: job\ndata: ${JSON.stringify(value)}\n\n`)
  response.end(': alive\n\n')
}
const fails = (status: number) => (response: ServerResponse): void => void response.writeHead(status).end('{"code":"unavailable"}')

describe('follow', () => {
  it('hears every change over SSE until the end', async () => {
    const { config, asked } = await serve({ '/events': [streams(job('processing'), job('succeeded'))] })
    const seen: string[] = []
    const last = await follow(config, job('queued', { events: '/events' }), { onChange: ({ status }) => seen.push(status) })
    expect(last.status).toBe('succeeded')
    expect(seen).toEqual(['queued', 'processing', 'succeeded'])
    expect(asked).toEqual(['/events'])
  })

  it('polls when the stream breaks off', async () => {
    const { config, asked } = await serve({ '/events': [streams(job('processing'))], '/job': [says(job('processing')), says(job('succeeded'))] })
    expect((await follow(config, job('queued', { events: '/events' }), { onChange: () => undefined })).status).toBe('succeeded')
    expect(asked).toEqual(['/events', '/job', '/job'])
  })

  it('waits out a restart of the server, and says so', async () => {
    const { config } = await serve({ '/job': [fails(503), says(job('succeeded'))] })
    const interrupted: boolean[] = []
    const last = await follow(config, job('queued'), { onChange: () => undefined, onInterrupted: (now) => interrupted.push(now) })
    expect(last.status).toBe('succeeded')
    expect(interrupted).toEqual([true, false])
  })

  it('fails when the job is gone', async () => {
    const { config } = await serve({})
    await expect(follow(config, job('queued'), { onChange: () => undefined })).rejects.toMatchObject({ status: 404 })
  })

  it('reads a job bare and in an envelope, and nothing else', () => {
    expect(jobIn('{"id":"j","status":"queued"}')?.id).toBe('j')
    expect(jobIn('{"event":"job","id":"7","data":{"id":"j","status":"queued"}}')?.id).toBe('j')
    for (const text of ['{"code":"unavailable"}', 'null', '""', 'ping']) expect(jobIn(text)).toBeNull()
  })
})
