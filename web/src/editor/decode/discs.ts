/** Masks of the golden cases: tests/golden/obeying.py says how discs become logits. For tests alone. */
import type { Size } from '../geometry/spaces'

/** Centre and radius, MaskSpace. */
export type Circle = [number, number, number]

export function discs({ width, height }: Size, circles: Circle[]): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const far = circles.map(([cx, cy, radius]) => radius - Math.hypot((i % width) + 0.5 - cx, Math.floor(i / width) + 0.5 - cy))
    return Math.min(10, Math.max(-10, ...far))
  })
}
