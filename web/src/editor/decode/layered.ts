/**
 * Marks over the whole image and over parts looked at closer: each mark is drawn in the latest part that holds all of it,
 * a box names a subject anew, and with it all parts are gone.
 */
import { isRefine, rectangleOf, type DrawnMark, type Mark, type RefineMark } from '../document/marks'
import type { Start } from '../document/history'
import type { Frame } from '../geometry/frame'
import { maskContent, maskScale } from '../geometry/frame'
import { at, type Box, type ImagePoint } from '../geometry/spaces'
import { sampled, type CropMask, type Mask } from './layers'
import { framed } from './masks'

/** Draws marks over one image. */
export interface Drawing {
  after(marks: readonly DrawnMark[], start: Start): Promise<{ readonly logits: Float32Array; readonly decodes: number }>
}

/** A drawing over a crop; `auto` starts from what the crop was, made finer. */
export interface CropDrawing extends Drawing {
  readonly frame: Frame
}

/** `start` samples what is there already, in the MaskSpace of the crop. */
export type OpenCrop = (mark: RefineMark, start: (frame: Frame) => Float32Array) => Promise<CropDrawing>

interface Part {
  readonly mark: RefineMark
  readonly box: Box<'image'>
  /** All that was drawn before it. */
  readonly before: readonly Mark[]
  /** Drawn inside it since, in its own ImageSpace. */
  readonly marks: DrawnMark[]
}

/** Parts remembered beyond those in use, 400 KB and the logits of their marks each. */
const REMEMBERED = 16

export class Layered {
  private readonly opened = new Map<string, Promise<CropDrawing>>()

  constructor(
    private readonly frame: Frame,
    private readonly drawing: Drawing,
    private readonly open: OpenCrop,
  ) {}

  async after(marks: readonly Mark[], start: Start): Promise<{ mask: Mask; decodes: number }> {
    const { base, parts } = partsOf(marks)
    const drawn = await this.drawing.after(base, start)
    let { decodes } = drawn
    const crops: CropMask[] = []
    for (const part of parts) {
      const crop = await this.cropOf(part, start, parts.length)
      const inside = await crop.after(part.marks, 'auto')
      decodes += inside.decodes
      crops.push({ box: part.box, frame: crop.frame, logits: inside.logits })
    }
    return { mask: { logits: drawn.logits, crops }, decodes }
  }

  /** `inUse`: so many are always kept. To open one again opens those before it again, and so on for each of them. */
  private cropOf(part: Part, start: Start, inUse: number): Promise<CropDrawing> {
    const key = `${start}:${[...part.before, part.mark].map((mark) => mark.id).join()}`
    const known = this.opened.get(key)
    const opening = known ?? this.openCrop(part, start)
    this.opened.delete(key)
    this.opened.set(key, opening) // the latest used is the last
    if (known) return known
    opening.catch(() => this.opened.delete(key))
    const [oldest] = this.opened.keys()
    if (this.opened.size > Math.max(REMEMBERED, inUse) && oldest !== undefined) this.opened.delete(oldest)
    return opening
  }

  private async openCrop({ mark, box, before }: Part, start: Start): Promise<CropDrawing> {
    const { mask } = await this.after(before, start)
    return this.open(mark, (frame) => {
      const size = maskContent(frame)
      const scale = maskScale(frame)
      return framed(sampled(mask, this.frame, { origin: box.min, step: { x: 1 / scale.x, y: 1 / scale.y }, ...size }), size)
    })
  }
}

/** What is drawn over the whole image, and what in parts of it. */
export function partsOf(marks: readonly Mark[]): { base: readonly DrawnMark[]; parts: readonly Part[] } {
  const base: DrawnMark[] = []
  let parts: Part[] = []
  marks.forEach((mark, index) => {
    const box = rectangleOf(mark)
    if (isRefine(mark)) {
      if (box) parts.push({ mark, box, before: marks.slice(0, index), marks: [] })
      return
    }
    if (box) parts = []
    const part = parts.findLast((one) => mark.points.every((p) => within(p, one.box)))
    if (part) part.marks.push(moved(mark, part.box.min))
    else base.push(mark)
  })
  return { base, parts }
}

/** Whether what is drawn in `box` is drawn in a part of its own already. */
export function looksAt(marks: readonly Mark[], box: Box<'image'>): boolean {
  return partsOf(marks).parts.some((part) => same(part.box.min, box.min) && same(part.box.max, box.max))
}

const same = (a: ImagePoint, b: ImagePoint): boolean => a.x === b.x && a.y === b.y
const within = (p: ImagePoint, { min, max }: Box<'image'>): boolean => p.x >= min.x && p.y >= min.y && p.x <= max.x && p.y <= max.y

function moved(mark: DrawnMark, origin: ImagePoint): DrawnMark {
  return { ...mark, points: mark.points.map((p) => at(p.x - origin.x, p.y - origin.y)) }
}
