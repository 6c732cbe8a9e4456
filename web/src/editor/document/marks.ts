/** What the user draws (DESIGN §3), and pure functions over it. All in ImageSpace. */
import { boxOf, distance, distanceToPath, type Box, type ImagePoint } from '../geometry/spaces'

export type Label = 'keep' | 'remove'

interface Base {
  /** Local identity: it never leaves the browser. */
  readonly id: string
  readonly label: Label
  readonly points: readonly ImagePoint[]
}

/** The sizes that a single click can mean, as in app/segmentation/marks.py. */
export const SCALES = 3

export interface PointMark extends Base {
  readonly kind: 'point'
  /** Of a keep point alone over nothing: 0 or left out is the likeliest, each step the next larger, the smallest after the largest. */
  readonly scale?: number
}

export interface StrokeMark extends Base {
  readonly kind: 'stroke'
  readonly radius: number
}

export interface BoxMark extends Base {
  readonly kind: 'box'
  readonly label: 'keep'
}

/** A part that is looked at closer: what is drawn inside it from then on is decoded over a crop, encoded for itself. */
export interface RefineMark extends Base {
  readonly kind: 'refine'
  readonly label: 'keep'
  /** The crop as the server knows it: an image of its own. */
  readonly crop: string
}

export type Mark = PointMark | StrokeMark | BoxMark | RefineMark
/** What the API knows of. */
export type DrawnMark = Exclude<Mark, RefineMark>

export const isRefine = (mark: Mark): mark is RefineMark => mark.kind === 'refine'
export const isDrawn = (mark: Mark): mark is DrawnMark => mark.kind !== 'refine'

/** The wire form: DESIGN §3. */
export interface WireMark {
  readonly kind: DrawnMark['kind']
  readonly label: Label
  readonly points: readonly (readonly [number, number])[]
  readonly radius: number
  readonly scale?: number
}

/** x0, y0, x1, y1, ImageSpace. */
export type WireBox = readonly [number, number, number, number]

export const wireBox = ({ min, max }: Box<'image'>): WireBox => [min.x, min.y, max.x, max.y]

export const radiusOf = (mark: Mark): number => (mark.kind === 'stroke' ? mark.radius : 0)
export const scaleOf = (mark: Mark): number => (mark.kind === 'point' ? (mark.scale ?? 0) : 0)

export function toWire(mark: DrawnMark): WireMark {
  return {
    kind: mark.kind,
    label: mark.label,
    points: mark.points.map((p) => [p.x, p.y] as const),
    radius: radiusOf(mark),
    ...(scaleOf(mark) === 0 ? {} : { scale: scaleOf(mark) }),
  }
}

/** What the API knows of `marks`. */
export const wireMarks = (marks: readonly Mark[]): readonly WireMark[] => marks.filter(isDrawn).map(toWire)

/** The topmost point mark within `reach` ImageSpace pixels of `p`. */
export function pointMarkAt(marks: readonly Mark[], p: ImagePoint, reach: number): PointMark | undefined {
  return marks.findLast((mark): mark is PointMark => {
    const [at] = mark.points
    return mark.kind === 'point' && at !== undefined && distance(at, p) <= reach
  })
}

/**
 * What is left of `mark` after an eraser of `radius` went along `path`: the mark itself when untouched, the pieces of a
 * stroke, or nothing. Points and boxes vanish whole; a box, or what is looked at closer, is touched at its outline only.
 */
export function erase(mark: Mark, path: readonly ImagePoint[], radius: number, newId: () => string): readonly Mark[] {
  const touched = (p: ImagePoint): boolean => distanceToPath(p, path) <= radius + radiusOf(mark)
  if (mark.kind !== 'stroke') return outline(mark).some(touched) ? [] : [mark]
  const dense = densify(mark.points, Math.max(1, (radius + mark.radius) / 2))
  if (!dense.some(touched)) return [mark]
  return runs(dense, (p) => !touched(p)).map((points) => ({ ...mark, id: newId(), points }))
}

/** The corners of a box or a refined part; null of what is none. */
export function rectangleOf(mark: Mark): Box<'image'> | null {
  const [a, b] = mark.points
  return (mark.kind === 'box' || mark.kind === 'refine') && a && b ? boxOf(a, b) : null
}

function outline(mark: Mark): readonly ImagePoint[] {
  const box = rectangleOf(mark)
  if (!box) return mark.points
  const { min, max } = box
  const corners = [min, { x: max.x, y: min.y }, max, { x: min.x, y: max.y }, min]
  return densify(corners, Math.max(1, Math.min(max.x - min.x, max.y - min.y) / 32))
}

/** Points along `path` at most `step` apart. */
export function densify(path: readonly ImagePoint[], step: number): readonly ImagePoint[] {
  return path.flatMap((end, i) => {
    const start = path[i - 1]
    if (start === undefined) return [end]
    const pieces = Math.max(1, Math.ceil(distance(start, end) / step))
    return Array.from({ length: pieces }, (_, k) => {
      const t = (k + 1) / pieces
      return { x: start.x + (end.x - start.x) * t, y: start.y + (end.y - start.y) * t }
    })
  })
}

function runs<T>(items: readonly T[], wanted: (item: T) => boolean): T[][] {
  const found: T[][] = []
  let open: T[] | undefined
  for (const item of items) {
    if (!wanted(item)) open = undefined
    else if (open) open.push(item)
    else found.push((open = [item]))
  }
  return found
}
