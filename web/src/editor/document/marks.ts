/** What the user draws (DESIGN §3), and pure functions over it. All in ImageSpace. */
import { boxOf, distance, distanceToPath, type ImagePoint } from '../geometry/spaces'

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

export type Mark = PointMark | StrokeMark | BoxMark

/** The wire form: DESIGN §3. */
export interface WireMark {
  readonly kind: Mark['kind']
  readonly label: Label
  readonly points: readonly (readonly [number, number])[]
  readonly radius: number
  readonly scale?: number
}

export const radiusOf = (mark: Mark): number => (mark.kind === 'stroke' ? mark.radius : 0)
export const scaleOf = (mark: Mark): number => (mark.kind === 'point' ? (mark.scale ?? 0) : 0)

export function toWire(mark: Mark): WireMark {
  return {
    kind: mark.kind,
    label: mark.label,
    points: mark.points.map((p) => [p.x, p.y] as const),
    radius: radiusOf(mark),
    ...(scaleOf(mark) === 0 ? {} : { scale: scaleOf(mark) }),
  }
}

/** The topmost point mark within `reach` ImageSpace pixels of `p`. */
export function pointMarkAt(marks: readonly Mark[], p: ImagePoint, reach: number): PointMark | undefined {
  return marks.findLast((mark): mark is PointMark => {
    const [at] = mark.points
    return mark.kind === 'point' && at !== undefined && distance(at, p) <= reach
  })
}

/**
 * What is left of `mark` after an eraser of `radius` went along `path`: the mark itself when untouched, the pieces of a
 * stroke, or nothing. Points and boxes vanish whole; a box is touched at its outline only.
 */
export function erase(mark: Mark, path: readonly ImagePoint[], radius: number, newId: () => string): readonly Mark[] {
  const touched = (p: ImagePoint): boolean => distanceToPath(p, path) <= radius + radiusOf(mark)
  if (mark.kind !== 'stroke') return outline(mark).some(touched) ? [] : [mark]
  const dense = densify(mark.points, Math.max(1, (radius + mark.radius) / 2))
  if (!dense.some(touched)) return [mark]
  return runs(dense, (p) => !touched(p)).map((points) => ({ ...mark, id: newId(), points }))
}

function outline(mark: Mark): readonly ImagePoint[] {
  const [a, b] = mark.points
  if (mark.kind !== 'box' || a === undefined || b === undefined) return mark.points
  const { min, max } = boxOf(a, b)
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
