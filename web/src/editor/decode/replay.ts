/**
 * The mask after marks were drawn one by one, each decode fed the logits before it: the rules of app/segmentation/decode.py.
 * The results along the way are remembered, so a new mark costs one decode, and undo costs none.
 */
import type { Start } from '../document/history'
import type { Mark } from '../document/marks'
import { MASK_SIDE, maskContent, maskScale, type Frame } from '../geometry/frame'
import type { Size } from '../geometry/spaces'
import { choose, type DynamicMultimask } from './choose'
import { nothing, take } from './masks'
import { clicksOf, isPositive, promptOf, type Prompt } from './prompts'
import { resample } from './resample'

/** Runs the graph once: logits [4, 256, 256] and predicted IoU [4]. */
export type RunDecoder = (prompt: Prompt, before: Float32Array | null) => Promise<{ logits: Float32Array; iou: Float32Array }>

/** As in Python: earlier marks are all given to the first decode of a replay. */
const MAX_REPLAY = 16
/** 256 KB each: a long session stays under 16 MB. */
const REMEMBERED = 64

export interface Replayed {
  /** MaskSpace, 256². */
  readonly logits: Float32Array
  /** Decodes that this answer needed. */
  readonly decodes: number
}

export class Replay {
  /** Logits by the ids of the marks drawn so far; a mark never changes under its id. */
  private readonly known = new Map<string, Float32Array | null>()

  constructor(
    private readonly frame: Frame,
    private readonly proposal: Float32Array | null,
    private readonly run: RunDecoder,
    private readonly dynamic: DynamicMultimask | null = null,
  ) {}

  async after(marks: readonly Mark[], start: Start): Promise<Replayed> {
    let logits = start === 'auto' ? this.proposal : null
    let decodes = 0
    let done = this.longestKnown(marks, start)
    if (done > 0) logits = this.recall(keyOf(marks.slice(0, done), start))
    for (done = Math.max(done, marks.length - MAX_REPLAY); done < marks.length; done++) {
      const drawn = marks.slice(0, done + 1)
      logits = await this.decode(drawn, logits)
      decodes++
      this.remember(keyOf(drawn, start), logits)
    }
    return { logits: logits ?? nothing(), decodes }
  }

  private async decode(marks: readonly Mark[], before: Float32Array | null): Promise<Float32Array | null> {
    const clicks = clicksOf(marks, this.frame)
    if (!before && !isPositive(clicks)) return null // only "remove" over nothing: nothing stays nothing
    // A box names a subject anew; old logits would hold the decoder to the old one.
    const fed = marks.at(-1)?.kind === 'box' ? null : before
    const output = await this.run(promptOf(clicks, this.frame), fed)
    return take(output.logits, choose(output.logits, output.iou, clicks, this.frame, fed !== null, this.dynamic))
  }

  private longestKnown(marks: readonly Mark[], start: Start): number {
    for (let count = marks.length; count > 0; count--) if (this.known.has(keyOf(marks.slice(0, count), start))) return count
    return 0
  }

  private recall(key: string): Float32Array | null {
    const logits = this.known.get(key) ?? null
    this.remember(key, logits)
    return logits
  }

  private remember(key: string, logits: Float32Array | null): void {
    this.known.delete(key)
    this.known.set(key, logits)
    const [oldest] = this.known.keys()
    if (this.known.size > REMEMBERED && oldest !== undefined) this.known.delete(oldest)
  }
}

const keyOf = (marks: readonly Mark[], start: Start): string => `${start}:${marks.map((mark) => mark.id).join()}`

/** A mask over the whole image, of any size, as the decoder wants it back: certain background in the padding. */
export function toMaskSpace(logits: Float32Array, size: Size, frame: Frame): Float32Array {
  const content = maskContent(frame)
  const scale = maskScale(frame)
  const step = { x: size.width / frame.image.width / scale.x, y: size.height / frame.image.height / scale.y }
  const inner = resample(logits, size, content, step)
  const out = nothing()
  for (let y = 0; y < content.height; y++) {
    out.set(inner.subarray(y * content.width, (y + 1) * content.width), y * MASK_SIDE)
  }
  return out
}
