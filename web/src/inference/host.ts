/**
 * The page's side of inference: keeps one engine running, whatever happens to it. Engines are tried best first; a worker that
 * hangs or dies is replaced and its open images are opened again; when no local engine is left, the server decodes.
 */
import { isRefine } from '../editor/document/marks'
import { Fault } from './errors'
import { Latest } from './latest'
import { WorkerLink, type WorkerLike } from './link'
import type { ModelManifest } from './manifest'
import { Openings } from './openings'
import type { Calls, Decoded, EngineInfo, EngineName, OnLoading, OpenImage } from './protocol'
import type { Candidate } from './select'

export interface RemoteDecoder {
  open(image: OpenImage): Promise<null>
  decode(args: Calls['decode']['args']): Promise<Decoded>
  close(key: string): void
}

export interface HostOptions {
  readonly spawn: () => WorkerLike
  readonly model: () => Promise<ModelManifest>
  readonly candidates: () => Promise<readonly Candidate[]>
  readonly server: RemoteDecoder
  readonly onEngine?: (info: EngineInfo) => void
  readonly patience?: Partial<Patience>
}

interface Patience {
  readonly startMs: number
  readonly openMs: number
  readonly decodeMs: number
}

// Silence, not duration: each progress report starts the clock anew. A first WebGPU decode compiles its shaders for 1–5 s.
const PATIENCE: Patience = { startMs: 30_000, openMs: 30_000, decodeMs: 3_000 }
/** A decode may take this many times what the start-up check took: a replay is up to 16 decodes, and phones slow down. */
const SLOWDOWN = 20
const MAX_DECODE_MS = 30_000

interface LocalRunning {
  readonly engine: EngineName
  readonly candidate: Candidate
  readonly patienceMs: number
  readonly link: WorkerLink
  /** Images that this worker has opened or is opening. */
  readonly opened: Openings<null>
}

type Running = LocalRunning | 'server'

/** A worker may die once (memory, a tab in the background); an engine that loses two in a row is given up. */
const LOSSES = 2

export class InferenceHost {
  private running: Promise<Running> | null = null
  private remaining: readonly Candidate[] | null = null
  private losses = 0
  private readonly images = new Map<string, OpenImage>()
  private readonly latest = new Latest()
  private readonly patience: Patience
  onLoading: OnLoading = () => undefined

  constructor(private readonly options: HostOptions) {
    this.patience = { ...PATIENCE, ...options.patience }
  }

  /** Fetches runtime and weights and checks the engine, before they are needed. */
  async preload(): Promise<void> {
    await this.engine()
  }

  /** Opens an image, or joins an opening under way. */
  async open(image: OpenImage): Promise<null> {
    this.images.set(image.key, image)
    const running = await this.running
    if (running === 'server' && this.remaining?.length) this.running = null
    return this.withEngine((running) => this.openIn(running, this.imageOf(image.key)))
  }

  /** The newest request wins: an older one that has not begun fails with `superseded`. */
  decode(args: Calls['decode']['args']): Promise<Decoded> {
    return this.latest.submit(() => this.withEngine((running) => this.decodeIn(running, args)))
  }

  /** Forgets the image at once. The worker is told when it runs; one that is lost has forgotten it too. */
  close(key: string): void {
    this.images.delete(key)
    this.options.server.close(key)
    this.running?.then((running) => this.closeIn(running, key)).catch(() => undefined)
  }

  /** Ends everything; the host can be used again afterwards. */
  async dispose(): Promise<void> {
    const running = await this.running?.catch(() => null)
    this.running = null
    this.images.clear()
    if (running && running !== 'server') running.link.end(new Fault('aborted', 'the editor was closed'))
  }

  private async withEngine<T>(task: (running: Running) => Promise<T>): Promise<T> {
    for (;;) {
      const running = await this.engine()
      try {
        const result = await task(running)
        this.losses = 0
        return result
      } catch (error) {
        const lost = error instanceof Fault && error.code === 'worker_lost'
        if (!lost || running === 'server') throw error
        await this.replace(running)
      }
    }
  }

  /** The next task starts a new worker: of the same engine, or of the next one. */
  private async replace(lost: LocalRunning): Promise<void> {
    lost.link.end(new Fault('worker_lost', 'replaced'))
    if ((await this.running) !== lost) return // another task has seen to it
    this.running = null
    if (++this.losses >= LOSSES) this.giveUp(lost.candidate)
  }

  private giveUp(candidate: Candidate): void {
    this.remaining = this.remaining?.filter((other) => other !== candidate) ?? null
    this.losses = 0
  }

  private openIn(running: Running, image: OpenImage): Promise<null> {
    if (running === 'server') return this.options.server.open(image)
    const known = running.opened.get(image.key)
    if (known) return known
    return running.opened.open(image.key, running.link.call('open', image, this.patience.openMs, this.onLoading))
  }

  private async closeIn(running: Running, key: string): Promise<void> {
    if (running !== 'server' && running.opened.close(key)) await running.link.call('close', { key }, this.patience.openMs)
  }

  private async decodeIn(running: Running, args: Calls['decode']['args']): Promise<Decoded> {
    for (const key of [args.key, ...args.marks.filter(isRefine).map((mark) => mark.crop)]) {
      await this.openIn(running, this.imageOf(key)) // a worker that took a dead one's place has not opened it yet
    }
    if (running === 'server') return this.options.server.decode(args)
    return running.link.call('decode', args, running.patienceMs)
  }

  private imageOf(key: string): OpenImage {
    const image = this.images.get(key)
    if (!image) throw new Fault('aborted', 'the image was closed')
    return image
  }

  private engine(): Promise<Running> {
    this.running ??= this.start().catch((error: unknown) => {
      this.running = null
      throw error
    })
    return this.running
  }

  private async start(): Promise<Running> {
    const model = await this.options.model()
    this.remaining ??= await this.options.candidates()
    for (const candidate of this.remaining) {
      const link = new WorkerLink(this.options.spawn())
      try {
        const info = await link.call('start', { ...candidate, model }, this.patience.startMs, this.onLoading)
        this.options.onEngine?.(info)
        const patienceMs = Math.min(MAX_DECODE_MS, Math.max(this.patience.decodeMs, SLOWDOWN * info.decodeMs))
        return { engine: candidate.engine, candidate, patienceMs, link, opened: new Openings() }
      } catch (error) {
        link.end(new Fault('engine_unavailable', candidate.engine))
        const code = error instanceof Fault ? error.code : 'internal'
        if (code === 'offline') throw error
        // What could not be fetched is not the engine's fault: the server decodes, and the next image tries it again.
        if (code !== 'network') this.giveUp(candidate)
      }
    }
    this.options.onEngine?.({ engine: 'server', threads: 0, startMs: 0, decodeMs: 0 })
    return 'server'
  }
}
