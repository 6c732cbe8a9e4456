/** The page's side of the preview worker. One that is lost fails the calls under way; the next call starts another. */
import type { Mask } from '../decode/layers'
import type { Frame } from '../geometry/frame'
import { watched } from '../../inference/alive'
import { Fault } from '../../inference/errors'
import { Latest } from '../../inference/latest'
import { WorkerLink, type WorkerLike } from '../../inference/link'
import type { PreviewCalls, RenderInput, Rendered } from './preview.protocol'

type Link = WorkerLink<PreviewCalls>
type Image = PreviewCalls['open']['args']

/** Silence for this long is a loss, as it is of the engine's worker. */
const PATIENCE_MS = 30_000

const spawnWorker = (): WorkerLike<PreviewCalls> =>
  watched('preview', (name) => new Worker(new URL('./preview.worker.ts', import.meta.url), { type: 'module', name }))

export class Preview {
  private link: Link
  private readonly images = new Map<string, Image>()
  private readonly latest = new Latest()
  private disposed = false

  constructor(private readonly spawn = spawnWorker) {
    this.link = new WorkerLink(spawn())
  }

  /** Keeps the image's pixels and gives the bitmap that the panes draw. */
  async open(key: string, frame: Frame, image: Blob): Promise<ImageBitmap> {
    const opened: Image = { key, frame, image }
    const opening = this.call('open', opened)
    this.images.set(key, opened)
    const open = (): boolean => this.images.get(key) === opened
    try {
      const bitmap = await opening
      if (!open()) bitmap.close() // closed meanwhile: nobody draws it
      return bitmap
    } catch (error) {
      if (open()) this.images.delete(key)
      throw error
    }
  }

  /** The newest input wins; one that has not begun fails with `superseded`. */
  render(input: RenderInput): Promise<Rendered> {
    return this.latest.submit(() => this.call('render', input))
  }

  /** A mask file of the server → MaskSpace logits. */
  readMask(frame: Frame, file: Blob): Promise<Float32Array> {
    return this.call('readMask', { frame, file })
  }

  /** A mask as Apply sends it. */
  maskFile(frame: Frame, mask: Mask): Promise<Blob> {
    return this.call('maskFile', { frame, mask })
  }

  /** Forgets the image at once; a worker that is lost has forgotten it too. */
  close(key: string): void {
    this.images.delete(key)
    this.link.call('close', { key }, PATIENCE_MS).catch(() => undefined)
  }

  dispose(): void {
    this.disposed = true
    this.link.end(closed())
  }

  private call<K extends keyof PreviewCalls>(call: K, args: PreviewCalls[K]['args']): Promise<PreviewCalls[K]['result']> {
    if (this.disposed) return Promise.reject(closed())
    if (!this.link.alive) this.restart()
    return this.link.call(call, args, PATIENCE_MS)
  }

  /** What was open is opened again before anything else; a call that needs it waits for it in the worker, and fails with it. */
  private restart(): void {
    this.link = new WorkerLink(this.spawn())
    for (const image of this.images.values()) {
      this.link.call('open', image, PATIENCE_MS).then((bitmap) => bitmap.close(), () => undefined)
    }
  }
}

const closed = (): Fault => new Fault('aborted', 'the editor was closed')
