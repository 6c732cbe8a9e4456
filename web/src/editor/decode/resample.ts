/** Bilinear sampling of a float image (align_corners=False: pixel centres at +0.5), as app/segmentation/resample.py. */
import type { Size } from '../geometry/spaces'

/** Where each position of a finer axis lies between two samples. */
export interface Axis {
  readonly low: Int32Array
  readonly high: Int32Array
  readonly part: Float32Array
}

/** `count` positions over `length` samples, `step` samples apart, the first pixel beginning at `origin`. */
export function axisOf(length: number, count: number, step: number, origin = 0): Axis {
  const low = new Int32Array(count)
  const high = new Int32Array(count)
  const part = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const at = Math.min(length - 1, Math.max(0, origin + (i + 0.5) * step - 0.5))
    low[i] = Math.floor(at)
    high[i] = Math.min(Math.floor(at) + 1, length - 1)
    part[i] = at - Math.floor(at)
  }
  return { low, high, part }
}

interface Pair {
  readonly x: number
  readonly y: number
}
const ORIGIN: Pair = { x: 0, y: 0 }

/** [from.height × from.width] → [to.height × to.width]; one pixel there is `step` pixels here, its first begins at `origin`. */
export function resample(image: Float32Array, from: Size, to: Size, step: Pair, origin = ORIGIN): Float32Array {
  const across = axisOf(from.width, to.width, step.x, origin.x)
  const down = axisOf(from.height, to.height, step.y, origin.y)
  const out = new Float32Array(to.width * to.height)
  const row = new Float32Array(from.width)
  for (let y = 0; y < to.height; y++) {
    blendRows(row, image, (down.low[y] ?? 0) * from.width, (down.high[y] ?? 0) * from.width, down.part[y] ?? 0)
    const start = y * to.width
    for (let x = 0; x < to.width; x++) {
      const left = row[across.low[x] ?? 0] ?? 0
      const right = row[across.high[x] ?? 0] ?? 0
      out[start + x] = left + (right - left) * (across.part[x] ?? 0)
    }
  }
  return out
}

function blendRows(row: Float32Array, image: Float32Array, top: number, bottom: number, part: number): void {
  for (let x = 0; x < row.length; x++) {
    const above = image[top + x] ?? 0
    row[x] = above + ((image[bottom + x] ?? 0) - above) * part
  }
}
