/** Edge controls on a matte: the twins of app/matting/{smooth,offset,feather}.py. Lengths in the matte's own pixels. */
import type { Size } from '../geometry/spaces'
import { blurReach, blurred } from './blur'
import { signedDistance } from './distance'
import type { PixelBox } from './output'

const SIGMA_PER_PX = 0.5
/** In sigmas of displacement: where smoothing fades back to the old edge, so that corners and thin parts stay. */
const KEPT_FROM = 0.35
const KEPT_FULLY = 0.6

export function smoothed(matte: Uint8Array, size: Size, width: number): Uint8Array {
  if (width <= 0) return matte
  const sigma = width * SIGMA_PER_PX
  return aroundEdges(matte, size, blurReach(sigma) + 2 * sigma + 2, (window, inner) => {
    const before = signedDistance(window, inner, 2 * sigma + 2)
    const after = blurred(before, inner, sigma)
    return Uint8Array.from(after, (calm, i) => {
      const edge = before[i] ?? 0
      const keep = clamp01((Math.abs(calm - edge) / sigma - KEPT_FROM) / (KEPT_FULLY - KEPT_FROM))
      return toByte(keep * edge + (1 - keep) * calm + 0.5)
    })
  })
}

export function moved(matte: Uint8Array, size: Size, px: number): Uint8Array {
  if (px === 0) return matte
  const reach = Math.abs(px) + 2
  return aroundEdges(matte, size, reach, (window, inner) =>
    Uint8Array.from(signedDistance(window, inner, reach), (edge) => toByte(edge + 0.5 + px)),
  )
}

export function feathered(matte: Uint8Array, size: Size, width: number): Uint8Array {
  if (width <= 0) return matte
  const sigma = width * SIGMA_PER_PX
  return aroundEdges(matte, size, blurReach(sigma), (window, inner) =>
    Uint8Array.from(blurred(Float32Array.from(window), inner, sigma), (value) => Math.trunc(value + 0.5)),
  )
}

const clamp01 = (value: number): number => Math.min(1, Math.max(0, value))
const toByte = (coverage: number): number => Math.trunc(clamp01(coverage) * 255 + 0.5)

/** Works on the smallest window around all edges, with `reach` pixels of surroundings; the rest stays as it is. */
function aroundEdges(matte: Uint8Array, size: Size, reach: number, work: (window: Uint8Array, inner: Size) => Uint8Array): Uint8Array {
  const box = edgeBox(matte, size, Math.ceil(reach) * 2 + 1)
  if (!box) return matte
  const inner = { width: box.x1 - box.x0, height: box.y1 - box.y0 }
  const window = new Uint8Array(inner.width * inner.height)
  for (let y = 0; y < inner.height; y++) {
    const start = (box.y0 + y) * size.width + box.x0
    window.set(matte.subarray(start, start + inner.width), y * inner.width)
  }
  const worked = work(window, inner)
  const out = matte.slice()
  for (let y = 0; y < inner.height; y++) {
    out.set(worked.subarray(y * inner.width, (y + 1) * inner.width), (box.y0 + y) * size.width + box.x0)
  }
  return out
}

/** The box of every pixel that differs from its left or upper neighbour or is soft, grown by `by`; null when flat. */
function edgeBox(matte: Uint8Array, { width, height }: Size, by: number): PixelBox | null {
  let [x0, y0, x1, y1] = [width, height, -1, -1]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      const value = matte[i] ?? 0
      const flat = (value === 0 || value === 255) && (x === 0 || matte[i - 1] === value) && (y === 0 || matte[i - width] === value)
      if (flat) continue
      if (x < x0) x0 = x
      if (x > x1) x1 = x
      if (y < y0) y0 = y
      y1 = y
    }
  }
  if (x1 < 0) return null
  return { x0: Math.max(0, x0 - by), y0: Math.max(0, y0 - by), x1: Math.min(width, x1 + by + 1), y1: Math.min(height, y1 + by + 1) }
}
