/** Marks → prompts, few and well spread, in ModelSpace: the twin of app/segmentation/prompts.py, number for number. */
import { scaleOf, type DrawnMark } from '../document/marks'
import { imageToModel, type Frame } from '../geometry/frame'
import { boxOf, distance, type Box, type ImagePoint } from '../geometry/spaces'

// A stroke sampled into dozens of points inverts SAM's mask (DESIGN §11); SAM was trained with up to 11 clicks
// (Kirillov et al. 2023, appendix A), so no prompt is longer than that.
const MAX_STROKE_POINTS = 3
const MAX_PROMPT_POINTS = 11
const STROKE_SPACING = 0.12 // of the image's long side: closer points say nothing new

const KEEP = 1
const REMOVE = 0
const BOX_START = 2
const BOX_END = 3
const PAD = -1

/** What marks say to a decoder: labelled points and at most one box. */
export interface Clicks {
  readonly points: readonly ImagePoint[]
  readonly keep: readonly boolean[]
  readonly box: Box<'image'> | null
  /** Of a single click: the mark's own. */
  readonly scale: number
}

/** One prompt as the graph takes it: [1, N, 2] and [1, N], the one (0, 0, -1) pad last. */
export interface Prompt {
  readonly coords: Float32Array
  readonly labels: Float32Array
}

/** One keep point and nothing else: ambiguous, the decoder's three multimask outputs answer it. */
export function isSingle(clicks: Clicks): boolean {
  return clicks.box === null && clicks.keep.length === 1 && clicks.keep[0] === true
}

/** Whether anything is asked to be kept. */
export function isPositive(clicks: Clicks): boolean {
  return clicks.box !== null || clicks.keep.includes(true)
}

/**
 * The last box, and the points of the latest marks up to MAX_PROMPT_POINTS, in the order they were drawn. `last`: points of the
 * last mark better than those spread along it.
 */
export function clicksOf(marks: readonly DrawnMark[], frame: Frame, last?: readonly ImagePoint[]): Clicks {
  const points: ImagePoint[] = []
  const keep: boolean[] = []
  for (const mark of marks.toReversed()) {
    if (mark.kind === 'box') continue
    const asked = mark === marks.at(-1) ? last : undefined
    const drawn = (asked ?? spread(mark.points, strokePoints(mark, frame))).slice(0, MAX_PROMPT_POINTS - keep.length)
    points.unshift(...drawn)
    keep.unshift(...drawn.map(() => mark.label === 'keep'))
  }
  const [a, b] = marks.findLast((mark) => mark.kind === 'box')?.points ?? []
  const [only, another] = marks
  return { points, keep, box: a && b ? boxOf(a, b) : null, scale: only && !another ? scaleOf(only) : 0 }
}

/** How many points a mark is worth, by its length. */
export function strokePoints(mark: DrawnMark, frame: Frame): number {
  const spacing = STROKE_SPACING * Math.max(frame.image.width, frame.image.height)
  return Math.min(MAX_STROKE_POINTS, 1 + Math.floor((walkedAlong(mark.points).at(-1) ?? 0) / spacing))
}

/** Length of a polyline up to each of its points. */
function walkedAlong(stroke: readonly ImagePoint[]): number[] {
  const walked = [0]
  stroke.slice(1).forEach((p, i) => walked.push((walked[i] ?? 0) + distance(stroke[i] ?? p, p)))
  return walked
}

/** `count` points of a polyline, at equal arc lengths from each other and its ends. */
export function spread(stroke: readonly ImagePoint[], count: number): ImagePoint[] {
  const walked = walkedAlong(stroke)
  const length = walked.at(-1) ?? 0
  return Array.from({ length: count }, (_, i) => along(stroke, walked, ((i + 0.5) / count) * length))
}

function along(stroke: readonly ImagePoint[], walked: readonly number[], distanceAlong: number): ImagePoint {
  const next = walked.findIndex((walk) => walk >= distanceAlong)
  const end = stroke[next]
  const start = stroke[next - 1] ?? end
  if (!start || !end) throw new RangeError('a stroke has at least one point')
  const from = walked[next - 1] ?? 0
  const step = (walked[next] ?? 0) - from
  const t = step === 0 ? 0 : (distanceAlong - from) / step
  return { x: start.x + (end.x - start.x) * t, y: start.y + (end.y - start.y) * t }
}

export function promptOf(clicks: Clicks, frame: Frame): Prompt {
  const corners = clicks.box ? [clicks.box.min, clicks.box.max] : []
  const points = [...corners, ...clicks.points].map((p) => imageToModel(frame, p))
  const labels = clicks.keep.map((keep) => (keep ? KEEP : REMOVE))
  return {
    coords: Float32Array.from([...points.flatMap((p) => [p.x, p.y]), 0, 0]),
    labels: Float32Array.from([...(clicks.box ? [BOX_START, BOX_END] : []), ...labels, PAD]),
  }
}
