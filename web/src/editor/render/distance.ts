/**
 * Signed distance to the 0.5 level of a matte, positive inside, within ±reach, with the sub-pixel position that antialiasing
 * tells: the twin of app/matting/distance.py (Gustavson, Strand 2011).
 */
import type { Size } from '../geometry/spaces'

export function signedDistance(matte: Uint8Array, size: Size, reach: number): Float32Array {
  const limit = Math.trunc(reach) + 2
  const out = new Float32Array(matte.length)
  nearest(matte, size, 0, limit, out)
  nearest(matte, size, 255, limit, out)
  for (let i = 0; i < out.length; i++) out[i] = Math.min(reach, Math.max(-reach, out[i] ?? 0))
  return out
}

/** For the pixels on the `void` side of the edge: their distance to what is not `void`. */
function nearest(matte: Uint8Array, { width, height }: Size, void_: 0 | 255, limit: number, out: Float32Array): void {
  const { away, coverage } = columnSites(matte, width, height, void_, limit)
  for (let y = 0; y < height; y++) {
    const row = y * width
    for (let x = 0; x < width; x++) {
      const inside = (matte[row + x] ?? 0) > 127
      if (inside !== (void_ === 255)) continue
      const best = bestOfRow(away, coverage, row, x, width, limit)
      out[row + x] = inside ? 0.5 - best : best - 0.5
    }
  }
}

function bestOfRow(away: Uint16Array, coverage: Float32Array, row: number, x: number, width: number, limit: number): number {
  let best = -limit
  for (let step = 0; step <= limit && 1 - step > best; step++) {
    for (const column of step === 0 ? [x] : [x - step, x + step]) {
      if (column < 0 || column >= width) continue
      const dy = away[row + column] ?? 0
      if (dy <= limit) best = Math.max(best, (coverage[row + column] ?? 0) - Math.sqrt(dy * dy + step * step))
    }
  }
  return best
}

interface Sites {
  /** Distance along the column to its best site; limit + 1 where there is none. */
  readonly away: Uint16Array
  readonly coverage: Float32Array
}

function columnSites(matte: Uint8Array, width: number, height: number, void_: number, limit: number): Sites {
  const away = new Uint16Array(matte.length).fill(limit + 1)
  const coverage = new Float32Array(matte.length)
  for (let i = 0; i < matte.length; i++) {
    if (matte[i] === void_) continue
    coverage[i] = Math.abs((matte[i] ?? 0) - void_) / 255
    away[i] = 0
  }
  const spread = (i: number, before: number): void => {
    const reached = away[before] ?? 0
    if (reached >= limit) return
    const gain = (coverage[before] ?? 0) - reached - 1
    const own = away[i] ?? 0
    if (own <= limit && gain <= (coverage[i] ?? 0) - own) return
    coverage[i] = coverage[before] ?? 0
    away[i] = reached + 1
  }
  for (let i = width; i < matte.length; i++) spread(i, i - width)
  for (let i = (height - 1) * width - 1; i >= 0; i--) spread(i, i + width)
  return { away, coverage }
}
