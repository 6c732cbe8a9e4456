/**
 * The mask after marks were drawn one by one, each decode fed the logits before it: the rules of app/segmentation/decode.py.
 * The results along the way are remembered, so a new mark costs one decode, and undo costs none.
 */
import type { Start } from '../document/history'
import type { DrawnMark } from '../document/marks'
import { maskContent, maskScale, maskToImage, type Frame } from '../geometry/frame'
import type { ImagePoint, Size } from '../geometry/spaces'
import { choose, meant, type Answers, type Asked, type DynamicMultimask } from './choose'
import { crop, framed, nothing } from './masks'
import { enforced, touched } from './obey'
import { clicksOf, isPositive, promptOf, strokePoints, type Clicks, type Prompt } from './prompts'
import { deepestPoints, regionOf, type Region } from './regions'
import { resample } from './resample'

/** Runs the graph once. */
export type RunDecoder = (prompt: Prompt, before: Float32Array | null) => Promise<Answers>

/** As in Python: earlier marks are all given to the first decode of a replay. */
const MAX_REPLAY = 16
/** 384 KB each: a long session stays under 24 MB. */
const REMEMBERED = 64

export interface Replayed {
  /** MaskSpace, 256². */
  readonly logits: Float32Array
  /** Decodes that this answer needed. */
  readonly decodes: number
}

/** What there is after some marks. */
interface Drawn {
  /** MaskSpace; null is nothing. */
  readonly logits: Float32Array | null
  /** What the marks were there to change, since the subject was named. */
  readonly asked: readonly Asked[]
}

export class Replay {
  /** By the ids of the marks drawn so far; a mark never changes under its id. */
  private readonly known = new Map<string, Drawn>()

  constructor(
    private readonly frame: Frame,
    private readonly proposal: Float32Array | null,
    private readonly run: RunDecoder,
    private readonly dynamic: DynamicMultimask | null = null,
  ) {}

  async after(marks: readonly DrawnMark[], start: Start): Promise<Replayed> {
    let decodes = 0
    let done = this.longestKnown(marks, start)
    let drawn = done > 0 ? this.recall(keyOf(marks.slice(0, done), start)) : { logits: start === 'auto' ? this.proposal : null, asked: [] }
    for (done = Math.max(done, marks.length - MAX_REPLAY); done < marks.length; done++) {
      const drawing = marks.slice(0, done + 1)
      const before = drawn
      drawn = await this.afterLast(drawing, before)
      if (drawn.logits !== before.logits) decodes++
      this.remember(keyOf(drawing, start), drawn)
    }
    return { logits: drawn.logits ?? nothing(), decodes }
  }

  /** What there is after the last of `marks`, a point or a stroke changing what was `drawn` before it. */
  private async afterLast(marks: readonly DrawnMark[], drawn: Drawn): Promise<Drawn> {
    const { frame, size } = this
    const { logits: before } = drawn
    const last = marks.at(-1)
    // A box names a subject anew; old logits would hold the decoder to the old one.
    if (!before || !last || last.kind === 'box') return this.anew(marks)
    const keep = last.label === 'keep'
    const seen = crop(before, size)
    const was = regionOf(seen.length, (i) => (seen[i] ?? 0) > 0)
    const by = touched([last], frame)
    const at = regionOf(by.length, (i) => by[i] !== 0 && (was[i] === 1) !== keep)
    if (!at.includes(1)) return drawn
    const said = clicksOf(marks, frame, this.where(last, at))
    const named = isPositive(clicksOf(marks.slice(0, -1), frame)) // else the subject is the proposal's
    const clicks = named ? said : this.anchored(said, was)
    const answers = await this.run(promptOf(clicks, frame), before)
    const asked = [...drawn.asked, { was, at, keep }]
    return { logits: this.obeying(meant(answers, seen, asked, size, last.kind === 'stroke'), marks), asked }
  }

  private async anew(marks: readonly DrawnMark[]): Promise<Drawn> {
    const { frame, size } = this
    const clicks = clicksOf(marks, frame)
    if (!isPositive(clicks)) return { logits: null, asked: [] } // only "remove" over nothing: nothing stays nothing
    const by = touched(marks, frame)
    const at = regionOf(by.length, (i) => (by[i] ?? 0) > 0)
    const asked = marks.length === 1 && at.includes(1) ? [{ was: new Uint8Array(at.length), at, keep: true }] : []
    const answers = await this.run(promptOf(clicks, frame), null)
    const best = choose(answers, clicks, frame, this.dynamic, asked)
    return { logits: this.obeying(crop(answers.logits, size, best), marks), asked }
  }

  /** With a keep point in the subject's depth: a proposal has none, and a decoder told only "no" loses it. */
  private anchored(said: Clicks, inside: Region): Clicks {
    const deepest = deepestPoints(inside, this.size, 1).map((p) => maskToImage(this.frame, p))
    return { ...said, points: [...deepest, ...said.points], keep: [...deepest.map(() => true), ...said.keep] }
  }

  /** Where to ask the decoder for a mark: inside what is wrong, as many points as its length is worth. */
  private where(mark: DrawnMark, wrong: Region): readonly ImagePoint[] {
    if (mark.kind === 'point') return mark.points
    return deepestPoints(wrong, this.size, strokePoints(mark, this.frame)).map((p) => maskToImage(this.frame, p))
  }

  private obeying(logits: Float32Array, marks: readonly DrawnMark[]): Float32Array {
    return framed(enforced(logits, touched(marks, this.frame)), this.size)
  }

  private get size(): Size {
    return maskContent(this.frame)
  }

  private longestKnown(marks: readonly DrawnMark[], start: Start): number {
    for (let count = marks.length; count > 0; count--) if (this.known.has(keyOf(marks.slice(0, count), start))) return count
    return 0
  }

  private recall(key: string): Drawn {
    const drawn = this.known.get(key) ?? { logits: null, asked: [] }
    this.remember(key, drawn)
    return drawn
  }

  private remember(key: string, drawn: Drawn): void {
    this.known.delete(key)
    this.known.set(key, drawn)
    const [oldest] = this.known.keys()
    if (this.known.size > REMEMBERED && oldest !== undefined) this.known.delete(oldest)
  }
}

const keyOf = (marks: readonly DrawnMark[], start: Start): string => `${start}:${marks.map((mark) => mark.id).join()}`

/** A mask over the whole image, of any size, as the decoder wants it back: certain background in the padding. */
export function toMaskSpace(logits: Float32Array, size: Size, frame: Frame): Float32Array {
  const content = maskContent(frame)
  const scale = maskScale(frame)
  const step = { x: size.width / frame.image.width / scale.x, y: size.height / frame.image.height / scale.y }
  return framed(resample(logits, size, content, step), content)
}
