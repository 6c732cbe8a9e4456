/** The page's side of the preview worker. */
import type { Mask } from '../decode/layers'
import type { Mark } from '../document/marks'
import type { Frame } from '../geometry/frame'
import { Latest } from '../../inference/latest'
import type { EdgeOptions } from './matte'
import type { PreviewReply, PreviewRequest, Rendered } from './preview.protocol'

type Body = PreviewRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

export interface RenderInput {
  readonly key: string
  readonly mask: Mask
  readonly marks: readonly Mark[]
  readonly edge: EdgeOptions
}

export class Preview {
  private readonly worker: Worker
  private readonly waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  private readonly latest = new Latest()
  private nextId = 1

  constructor() {
    this.worker = new Worker(new URL('./preview.worker.ts', import.meta.url), { type: 'module', name: 'preview' })
    this.worker.onmessage = ({ data }: MessageEvent<PreviewReply>) => {
      const waiting = this.waiting.get(data.id)
      this.waiting.delete(data.id)
      if (data.ok) waiting?.resolve(data.result)
      else waiting?.reject(new Error(data.message))
    }
    this.worker.onerror = (event) => this.fail(event.message)
  }

  /** Keeps the image's pixels and gives the bitmap that the panes draw. */
  open(key: string, frame: Frame, image: Blob): Promise<ImageBitmap> {
    return this.call({ kind: 'open', key, frame, image })
  }

  /** The newest input wins; one that has not begun fails with `superseded`. */
  render(input: RenderInput): Promise<Rendered> {
    return this.latest.submit(() => this.call<Rendered>({ kind: 'render', ...input }))
  }

  /** A mask file of the server → MaskSpace logits. */
  readMask(frame: Frame, file: Blob): Promise<Float32Array> {
    return this.call({ kind: 'read-mask', frame, file })
  }

  /** A mask as Apply sends it. */
  maskFile(frame: Frame, mask: Mask): Promise<Blob> {
    return this.call({ kind: 'mask', frame, mask })
  }

  close(key: string): Promise<null> {
    return this.call({ kind: 'close', key })
  }

  dispose(): void {
    this.worker.terminate()
    this.fail('the editor was closed')
  }

  private fail(message: string): void {
    for (const { reject } of this.waiting.values()) reject(new Error(message))
    this.waiting.clear()
  }

  private call<T>(body: Body): Promise<T> {
    const id = this.nextId++
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.worker.postMessage({ ...body, id })
    })
  }
}
