/** The crops of an image that are looked at closer: encoded by the server, open in the engine. */
import type { CutoutApi } from '../api/client'
import type { InferenceHost } from '../inference/host'
import { isRefine, rectangleOf, type Mark, type RefineMark } from './document/marks'
import { preparedOf } from './files'
import { frameOf, type Fit } from './geometry/frame'

export class Crops {
  private readonly opened = new Map<string, Promise<void>>()
  private readonly closed = new AbortController()

  constructor(
    private readonly api: CutoutApi,
    private readonly host: InferenceHost,
    private readonly model: string,
    private readonly fit: Fit,
  ) {}

  /** Those of `marks`; at once where they are open. One that failed is tried again the next time. */
  async open(marks: readonly Mark[]): Promise<void> {
    await Promise.all(marks.filter(isRefine).map((mark) => this.openOne(mark)))
  }

  close(): void {
    this.closed.abort()
    for (const crop of this.opened.keys()) this.host.close(crop)
  }

  private openOne(mark: RefineMark): Promise<void> {
    const known = this.opened.get(mark.crop)
    if (known) return known
    const opening = this.encode(mark)
    this.opened.set(mark.crop, opening)
    opening.catch(() => this.opened.delete(mark.crop))
    return opening
  }

  /** Encoded by this model already, the server says so at once. */
  private async encode(mark: RefineMark): Promise<void> {
    const box = rectangleOf(mark)
    if (!box) return
    const created = await this.api.encodeAgain(mark.crop, this.model, false)
    const { signal } = this.closed
    const { encoded } = preparedOf(await this.api.follow(created, { onChange: () => undefined, signal }))
    signal.throwIfAborted()
    const frame = frameOf({ width: box.max.x - box.min.x, height: box.max.y - box.min.y }, this.fit)
    const { url, bytes } = encoded.embedding
    await this.host.open({ key: mark.crop, frame, embedding: { url: this.api.absolute(url), bytes }, proposal: null })
  }
}
