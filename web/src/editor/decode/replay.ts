/**
 * The mask after marks were drawn one by one, each decode fed the logits before it: the rules of app/segmentation/decode.py.
 * The results along the way are remembered, so a new mark costs one decode, and undo costs none.
 */
import type { Start } from '../document/history'
import type { Mark } from '../document/marks'
import { MASK_SIDE, maskContent, maskScale, maskToImage, type Frame } from '../geometry/frame'
import type { ImagePoint, Size } from '../geometry/spaces'
import { choose, type DynamicMultimask } from './choose'
import { nothing, take } from './masks'
import { atHeart, enforced, localChange, opinion, touched } from './obey'
import { clicksOf, isPositive, promptOf, strokePoints, type Clicks, type Prompt } from './prompts'
import { deepestPoints, regionOf, type Region } from './regions'
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
    const last = marks.at(-1)
    // A box names a subject anew; old logits would hold the decoder to the old one.
    if (!before || !last || last.kind === 'box') return this.anew(marks)
    return this.corrected(marks, last, before)
  }

  private async anew(marks: readonly Mark[]): Promise<Float32Array | null> {
    const { frame } = this
    const clicks = clicksOf(marks, frame)
    if (!isPositive(clicks)) return null // only "remove" over nothing: nothing stays nothing
    const output = await this.run(promptOf(clicks, frame), null)
    const best = choose(output.logits, output.iou, clicks, frame, this.dynamic)
    return this.obeying(crop(take(output.logits, best), this.size), marks)
  }

  /** `before` with what the last mark, a point or a stroke, changes. */
  private async corrected(marks: readonly Mark[], last: Mark, before: Float32Array): Promise<Float32Array> {
    const { frame, size } = this
    const keep = last.label === 'keep'
    const seen = crop(before, size)
    const asked = touched([last], frame)
    const wrong = regionOf(asked.length, (i) => asked[i] !== 0 && (seen[i] ?? 0) > 0 !== keep)
    if (!wrong.includes(1)) return before
    const said = clicksOf(marks, frame, this.asked(last, wrong))
    const named = isPositive(clicksOf(marks.slice(0, -1), frame)) // else the subject is the proposal's
    const clicks = named ? said : this.anchored(said, seen)
    const output = await this.run(promptOf(clicks, frame), before)
    if (named && !keep && atHeart(wrong, seen, size)) {
      const best = crop(take(output.logits, choose(output.logits, output.iou, clicks, frame, this.dynamic)), size)
      return this.obeying(seen.map((was, i) => Math.min(was, best[i] ?? was)), marks)
    }
    const answers = Array.from(output.iou, (_, i) => crop(output.logits, size, i))
    const answer = opinion(answers, seen, wrong, keep)
    return this.obeying(answer ? localChange(seen, answer, wrong, keep, size) : seen, marks)
  }

  /** With a keep point in the subject's depth: a proposal has none, and a decoder told only "no" loses it. */
  private anchored(said: Clicks, seen: Float32Array): Clicks {
    const inside = regionOf(seen.length, (i) => (seen[i] ?? 0) > 0)
    const deepest = deepestPoints(inside, this.size, 1).map((p) => maskToImage(this.frame, p))
    return { ...said, points: [...deepest, ...said.points], keep: [...deepest.map(() => true), ...said.keep] }
  }

  /** Where to ask the decoder for a mark: inside what is wrong, as many points as its length is worth. */
  private asked(mark: Mark, wrong: Region): readonly ImagePoint[] {
    if (mark.kind === 'point') return mark.points
    return deepestPoints(wrong, this.size, strokePoints(mark, this.frame)).map((p) => maskToImage(this.frame, p))
  }

  private obeying(logits: Float32Array, marks: readonly Mark[]): Float32Array {
    return framed(enforced(logits, touched(marks, this.frame)), this.size)
  }

  private get size(): Size {
    return maskContent(this.frame)
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
  return framed(resample(logits, size, content, step), content)
}

/** The image's part of [256, 256], of mask `index` where there are several; to be read only, a view where it can be one. */
function crop(logits: Float32Array, { width, height }: Size, index = 0): Float32Array {
  const mask = logits.subarray(index * MASK_SIDE ** 2, (index + 1) * MASK_SIDE ** 2)
  if (width === MASK_SIDE) return mask.subarray(0, width * height)
  const out = new Float32Array(width * height)
  for (let y = 0; y < height; y++) out.set(mask.subarray(y * MASK_SIDE, y * MASK_SIDE + width), y * width)
  return out
}

/** The image's part → [256, 256], the padding surely background. */
function framed(logits: Float32Array, { width, height }: Size): Float32Array {
  const out = nothing()
  for (let y = 0; y < height; y++) out.set(logits.subarray(y * width, (y + 1) * width), y * MASK_SIDE)
  return out
}
