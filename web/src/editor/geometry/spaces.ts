/**
 * The pixel spaces of DESIGN §3 as types: a point of one space cannot be passed where another is meant.
 * Continuous coordinates everywhere; pixel (i, j) covers [i, i+1) × [j, j+1), its centre at +0.5.
 */
declare const space: unique symbol

export interface Point<S extends string> {
  readonly x: number
  readonly y: number
  readonly [space]?: S
}

/** Pixels of the oriented original: the only space the API speaks. */
export type ImagePoint = Point<'image'>
/** Pixels of the working image (long side ≤ 2048). */
export type WorkingPoint = Point<'working'>
/** The encoder's 1024² frame. */
export type ModelPoint = Point<'model'>
/** The decoder's 256² logits. */
export type MaskPoint = Point<'mask'>
/** CSS pixels from the top left of the canvas. */
export type ScreenPoint = Point<'screen'>

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Box<S extends string> {
  readonly min: Point<S>
  readonly max: Point<S>
}

export function at<S extends string>(x: number, y: number): Point<S> {
  return { x, y }
}

export function distance<S extends string>(a: Point<S>, b: Point<S>): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}

/** Shortest distance from `p` to the segment `a`–`b`. */
export function distanceToSegment<S extends string>(p: Point<S>, a: Point<S>, b: Point<S>): number {
  const dx = b.x - a.x
  const dy = b.y - a.y
  const length2 = dx * dx + dy * dy
  const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length2))
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy)
}

export function distanceToPath<S extends string>(p: Point<S>, path: readonly Point<S>[]): number {
  let best = Infinity
  path.forEach((end, i) => {
    best = Math.min(best, distanceToSegment(p, path[Math.max(0, i - 1)] ?? end, end))
  })
  return best
}

export function boxOf<S extends string>(a: Point<S>, b: Point<S>): Box<S> {
  return {
    min: at(Math.min(a.x, b.x), Math.min(a.y, b.y)),
    max: at(Math.max(a.x, b.x), Math.max(a.y, b.y)),
  }
}

export function clampTo<S extends string>(p: Point<S>, size: Size): Point<S> {
  return at(Math.min(size.width, Math.max(0, p.x)), Math.min(size.height, Math.max(0, p.y)))
}

export function inside<S extends string>(p: Point<S>, size: Size): boolean {
  return p.x >= 0 && p.y >= 0 && p.x < size.width && p.y < size.height
}
