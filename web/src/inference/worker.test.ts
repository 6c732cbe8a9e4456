import { expect, it, vi } from 'vitest'
import type { ModelManifest } from './manifest'
import type { Calls, CallName, Reply, Request } from './protocol'

const wire = vi.hoisted(() => ({
  listen: null as ((event: { data: Request }) => void) | null,
  waiting: new Map<number, (reply: Reply) => void>(),
  arrive: null as ((body: ArrayBuffer) => void) | null,
}))

vi.stubGlobal('navigator', {})
vi.stubGlobal('self', {
  name: 'test',
  postMessage: (reply: Reply) => wire.waiting.get(reply.id)?.(reply),
  addEventListener: (_: 'message', listener: typeof wire.listen) => (wire.listen = listener),
})
vi.mock('./golden', () => ({ passesGolden: () => Promise.resolve(true) }))
vi.mock('./embedding', () => ({ decodeEmbedding: () => [] }))
vi.mock('./sessions', () => ({ openSession: () => Promise.resolve({ lost: new Promise(() => undefined) }) }))
vi.mock('./download', () => ({
  loadVerified: () => Promise.resolve(new ArrayBuffer(0)),
  download: () => new Promise<ArrayBuffer>((resolve) => (wire.arrive = resolve)),
}))

function ask<K extends CallName>(id: number, call: K, args: Partial<Calls[K]['args']>): Promise<Reply> {
  return new Promise((resolve) => {
    wire.waiting.set(id, resolve)
    wire.listen?.({ data: { id, call, args } as unknown as Request })
  })
}

it('does not keep an image that is closed while it opens, and does not call that a lost worker', async () => {
  await import('./worker')
  await ask(1, 'start', { engine: 'wasm', model: { codecBasis: null } as ModelManifest, threads: 1 })
  const opening = ask(2, 'open', { key: 'a', embedding: { url: '', bytes: 0 }, proposal: null })
  expect(await ask(3, 'close', { key: 'a' })).toMatchObject({ kind: 'done' })
  wire.arrive?.(new ArrayBuffer(0))
  expect(await opening).toMatchObject({ kind: 'done' })
  expect(await ask(4, 'decode', { key: 'a', marks: [], start: 'auto' })).toMatchObject({ kind: 'failed', error: { code: 'aborted' } })
})
