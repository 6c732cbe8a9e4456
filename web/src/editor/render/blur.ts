/**
 * Gaussian blur at a cost that does not grow with its width: three extended box filters (Gwosdek et al., SSVM 2011, eq. 9-10).
 * The twin of app/matting/blur.py. Borders repeat.
 */
import type { Size } from '../geometry/spaces'

const PASSES = 3
const SUPPORT = 3

/** Pixels from which `blurred` takes anything into account. */
export const blurReach = (sigma: number): number => SUPPORT * sigma + PASSES

export function blurred(image: Float32Array, size: Size, sigma: number): Float32Array {
  if (sigma <= 0) return image
  const box = boxOf(sigma)
  let out = image
  for (let pass = 0; pass < PASSES; pass++) out = along(out, size.height, size.width, size.width, 1, box)
  for (let pass = 0; pass < PASSES; pass++) out = along(out, size.width, size.height, 1, size.width, box)
  return out
}

interface BoxFilter {
  readonly radius: number
  /** Weight of the two samples at ±(radius + 1), relative to 1 for the others. */
  readonly rest: number
}

function boxOf(sigma: number): BoxFilter {
  const variance = (sigma * sigma) / PASSES
  const radius = Math.floor(0.5 * Math.sqrt(12 * variance + 1) - 0.5)
  const top = (2 * radius + 1) * (radius * (radius + 1) - 3 * variance)
  return { radius, rest: top / (6 * (variance - (radius + 1) ** 2)) }
}

/** One pass along lines of `length` samples, `step` apart; lines start `lineStep` apart. */
function along(image: Float32Array, lines: number, length: number, lineStep: number, step: number, { radius, rest }: BoxFilter): Float32Array {
  const out = new Float32Array(image.length)
  const share = 1 / (2 * radius + 1 + 2 * rest)
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep
    const at = (i: number): number => image[start + Math.min(length - 1, Math.max(0, i)) * step] ?? 0
    let total = 0
    for (let i = -radius; i <= radius; i++) total += at(i)
    for (let i = 0; i < length; i++) {
      const left = at(i - radius - 1)
      const right = at(i + radius + 1)
      out[start + i * step] = (total + rest * (left + right)) * share
      total += right - at(i - radius)
    }
  }
  return out
}
