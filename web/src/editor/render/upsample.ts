/**
 * Mask values → a matte with an antialiased edge: the twin of app/matting/upsample.py, so that the preview's edge is the one
 * Apply draws. Probability interpolated bicubically (Keys 1981, eq. 4, a = -1/2); its 0.5 level drawn one pixel wide.
 */
import type { Size } from '../geometry/spaces'

const FLAT_MARGIN = 1 / 16 // Keys' kernel undershoots by at most 1/16 per axis between samples of equal sign
const FINE = 0.8 // mask pixels per matte pixel; from here on the mask is as fine as the matte

/** `values` 0…255 over the whole image → matte [to], 0…255. */
export function upsample(values: Uint8Array, from: Size, to: Size): Uint8Array {
  const subject = Float32Array.from(values, (value) => value / 255)
  const kinds = cellKinds(subject, from)
  const out = new Uint8Array(to.width * to.height)
  const columns = axisOf(from.width, to.width)
  const rows = axisOf(from.height, to.height)
  const sample = sampler(subject, from, from.width / to.width, from.height / to.height)
  for (let y = 0; y < to.height; y++) {
    const row = rows.cell[y] ?? 0
    for (let x = 0; x < to.width; x++) {
      const column = columns.cell[x] ?? 0
      const kind = kinds[(row + 1) * (from.width + 1) + column + 1] ?? 0
      out[y * to.width + x] = kind === 1 ? sample(row, column, rows.weights, y * 8, columns.weights, x * 8) : kind
    }
  }
  return out
}

interface Axis {
  readonly cell: Int32Array
  /** Eight per position: Keys' four weights and their derivatives. */
  readonly weights: Float64Array
}

function axisOf(from: number, to: number): Axis {
  const cell = new Int32Array(to)
  const weights = new Float64Array(to * 8)
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, -0.5), from - 0.5)
    cell[i] = Math.floor(at)
    weights.set(keys(at - Math.floor(at)), i * 8)
  }
  return { cell, weights }
}

function keys(f: number): number[] {
  const f2 = f * f
  const f3 = f2 * f
  return [
    -0.5 * f + f2 - 0.5 * f3, 1 - 2.5 * f2 + 1.5 * f3, 0.5 * f + 2 * f2 - 1.5 * f3, -0.5 * f2 + 0.5 * f3,
    -0.5 + 2 * f - 1.5 * f2, -5 * f + 4.5 * f2, 0.5 + 4 * f - 4.5 * f2, -f + 1.5 * f2,
  ]
}

/** [h + 1 × w + 1]: 0 or 255 where all 4×4 samples around the cell agree by a margin, else 1 (mixed). */
function cellKinds(subject: Float32Array, { width, height }: Size): Uint8Array {
  const low = extremes(subject, width, height, Math.min)
  const high = extremes(subject, width, height, Math.max)
  return Uint8Array.from(low, (least, i) => {
    if (least > 0.5 + FLAT_MARGIN) return 255
    return (high[i] ?? 1) < 0.5 - FLAT_MARGIN ? 0 : 1
  })
}

/** Minimum or maximum over the 4×4 samples around each cell; samples beyond the mask repeat its border. */
function extremes(subject: Float32Array, width: number, height: number, pick: (a: number, b: number) => number): Float32Array {
  const across = new Float32Array((width + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x <= width; x++) {
      let best = subject[y * width + clamp(x - 2, width)] ?? 0
      for (let k = -1; k < 2; k++) best = pick(best, subject[y * width + clamp(x + k, width)] ?? 0)
      across[y * (width + 1) + x] = best
    }
  }
  const out = new Float32Array((width + 1) * (height + 1))
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      let best = across[clamp(y - 2, height) * (width + 1) + x] ?? 0
      for (let k = -1; k < 2; k++) best = pick(best, across[clamp(y + k, height) * (width + 1) + x] ?? 0)
      out[y * (width + 1) + x] = best
    }
  }
  return out
}

const clamp = (i: number, length: number): number => (i < 0 ? 0 : i >= length ? length - 1 : i)

type Sampler = (row: number, column: number, wy: Float64Array, iy: number, wx: Float64Array, ix: number) => number

/** Coverage ≈ 0.5 + distance to the 0.5 level, distance = (p - 0.5) / |∇p|. */
function sampler(subject: Float32Array, { width, height }: Size, sx: number, sy: number): Sampler {
  const fine = Math.max(sx, sy) >= FINE
  return (row, column, wy, iy, wx, ix) => {
    let value = 0
    let dx = 0
    let dy = 0
    for (let j = 0; j < 4; j++) {
      const start = clamp(row - 1 + j, height) * width
      let along = 0
      let slope = 0
      for (let i = 0; i < 4; i++) {
        const p = subject[start + clamp(column - 1 + i, width)] ?? 0
        along += (wx[ix + i] ?? 0) * p
        slope += (wx[ix + 4 + i] ?? 0) * p
      }
      value += (wy[iy + j] ?? 0) * along
      dx += (wy[iy + j] ?? 0) * slope
      dy += (wy[iy + 4 + j] ?? 0) * along
    }
    const gradient = Math.min(1, Math.max(1e-6, Math.hypot(dx * sx, dy * sy)))
    const alpha = fine ? value : 0.5 + (value - 0.5) / gradient
    return Math.trunc(Math.min(1, Math.max(0, alpha)) * 255 + 0.5)
  }
}
