import { describe, expect, it, vi } from 'vitest'
import { whole } from '../editor/decode/layers'
import type { Fault } from './errors'
import { InferenceHost, type HostOptions } from './host'
import type { WorkerLike } from './link'
import type { Calls, EngineInfo, OpenImage, Reply, Request } from './protocol'
import type { Candidate } from './select'

const decoded = { mask: whole(new Float32Array(1)), decodes: 1, ms: 1 }

/** A worker that does what its script says; `undefined` is silence. */
class ScriptedWorker implements WorkerLike {
  onmessage: WorkerLike['onmessage'] = null
  onerror: WorkerLike['onerror'] = null
  terminated = false
  readonly calls: string[] = []

  constructor(private readonly script: (request: Request) => Partial<Reply> | undefined) {}

  postMessage(request: Request): void {
    this.calls.push(request.call)
    const reply = this.script(request)
    if (reply) queueMicrotask(() => this.onmessage?.({ data: { id: request.id, ...reply } as Reply } as MessageEvent<Reply>))
  }

  terminate(): void {
    this.terminated = true
  }
}

type Script = (request: Request) => Partial<Reply> | undefined

const works: Script = (request) => {
  const result = request.call === 'start' ? { engine: request.args.engine, threads: request.args.threads, startMs: 1, decodeMs: 0 } : request.call === 'decode' ? decoded : null
  return { kind: 'done', result }
}
const fails = (call: string, code: Fault['code']): Script => (request) =>
  request.call === call ? { kind: 'failed', error: { code, message: code } } : works(request)
const silent = (call: string): Script => (request) => (request.call === call ? undefined : works(request))

const image = { key: 'a', frame: {}, embedding: { url: '', bytes: 0 }, proposal: null } as unknown as OpenImage
const ask: Calls['decode']['args'] = { key: 'a', marks: [], start: 'auto' }
const CANDIDATES: readonly Candidate[] = [{ engine: 'webgpu', threads: 1 }, { engine: 'wasm', threads: 1 }]

function host(...scripts: Script[]): { host: InferenceHost; workers: ScriptedWorker[]; engines: string[] } {
  const workers: ScriptedWorker[] = []
  const engines: string[] = []
  const options: HostOptions = {
    spawn: () => {
      const worker = new ScriptedWorker(scripts[workers.length] ?? works)
      workers.push(worker)
      return worker
    },
    model: () => Promise.resolve({} as Calls['start']['args']['model']),
    candidates: () => Promise.resolve(CANDIDATES),
    server: { open: () => Promise.resolve(null), decode: () => Promise.resolve({ ...decoded, decodes: 99 }), close: () => undefined },
    onEngine: (info: EngineInfo) => engines.push(info.engine),
    patience: { startMs: 20, openMs: 20, decodeMs: 20 },
  }
  return { host: new InferenceHost(options), workers, engines }
}

describe('InferenceHost', () => {
  it('takes the first engine that passes its check', async () => {
    const { host: h, engines } = host(fails('start', 'engine_wrong'), works)
    await h.open(image)
    expect((await h.decode(ask)).decodes).toBe(1)
    expect(engines).toEqual(['wasm'])
  })

  it('decodes on the server when no engine is left, and says so', async () => {
    const { host: h, engines } = host(fails('start', 'engine_wrong'), silent('start'))
    await h.open(image)
    expect((await h.decode(ask)).decodes).toBe(99)
    expect(engines).toEqual(['server'])
  })

  it('replaces a hung worker and opens its images again', async () => {
    const { host: h, workers, engines } = host(silent('decode'), works)
    await h.open(image)
    expect((await h.decode(ask)).decodes).toBe(1)
    expect(workers[0]?.terminated).toBe(true)
    expect(workers[1]?.calls).toEqual(['start', 'open', 'decode'])
    expect(engines).toEqual(['webgpu', 'webgpu'])
  })

  it('gives an engine up that dies twice in a row', async () => {
    const { host: h, engines } = host(fails('decode', 'worker_lost'), silent('decode'), works)
    await h.open(image)
    expect((await h.decode(ask)).decodes).toBe(1)
    expect(engines).toEqual(['webgpu', 'webgpu', 'wasm'])
  })

  it('keeps its engines when only the network failed', async () => {
    const { host: h, engines } = host(fails('start', 'offline'), works)
    await expect(h.open(image)).rejects.toMatchObject({ code: 'offline' })
    await h.open(image)
    expect(engines).toEqual(['webgpu'])
  })

  it('lets the server decode what the network kept away, and tries again with the next image', async () => {
    const { host: h, engines } = host(fails('start', 'network'), fails('start', 'network'), works)
    await h.open(image)
    expect((await h.decode(ask)).decodes).toBe(99)
    await h.open({ ...image, key: 'b' })
    expect(engines).toEqual(['server', 'webgpu'])
  })

  it('passes other errors on and stays usable', async () => {
    const { host: h, workers } = host(fails('open', 'embedding_unreadable'))
    await expect(h.open(image)).rejects.toMatchObject({ code: 'embedding_unreadable' })
    expect(workers).toHaveLength(1)
    expect(workers[0]?.terminated).toBe(false)
  })

  it('opens an image once, however often it is asked', async () => {
    const { host: h, workers } = host()
    await Promise.all([h.open(image), h.open(image)])
    await h.decode(ask)
    expect(workers[0]?.calls).toEqual(['start', 'open', 'decode'])
  })

  it('closes an image at once, whatever its worker does, and opens the next', async () => {
    const { host: h, workers } = host(silent('close'), works)
    await h.open(image)
    h.close('a')
    await vi.waitFor(() => expect(workers[0]?.calls).toEqual(['start', 'open', 'close']))
    workers[0]?.onerror?.({ message: 'out of memory' } as ErrorEvent)
    h.close('b')
    await h.open({ ...image, key: 'b' })
    expect(workers.map((worker) => worker.calls)).toEqual([['start', 'open', 'close'], ['start', 'open']])
  })

  it('does not open what was closed while the engine started', async () => {
    const { host: h, workers } = host()
    const opening = h.open(image)
    h.close('a')
    await expect(opening).rejects.toMatchObject({ code: 'aborted' })
    await h.open({ ...image, key: 'b' })
    expect(workers[0]?.calls).toEqual(['start', 'open'])
  })

  it('closes without waiting for an engine that still starts, or cannot', async () => {
    const { host: h } = host(silent('start'), fails('start', 'offline'))
    let starts = true
    const starting = h.preload().finally(() => (starts = false))
    h.close('a')
    expect(starts).toBe(true)
    await expect(starting).rejects.toMatchObject({ code: 'offline' })
  })
})
