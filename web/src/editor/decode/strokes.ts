/** Strokes as hard constraints: which pixels the user has decided. The twin of app/segmentation/strokes.py. */
import { radiusOf, type Mark } from '../document/marks'
import type { ImagePoint, Size } from '../geometry/spaces'

/** A hairline still decides the pixels that it crosses. */
const MIN_STROKE_RADIUS = 0.5

/**
 * int8 [height × width]: +1 keep, -1 remove, 0 free; later marks win. A pixel is decided when its centre lies within the
 * radius of the stroke's line. `scale` is the raster's pixels per ImageSpace pixel; the disc is taken in ImageSpace.
 */
export function decided(marks: readonly Mark[], size: Size, scale: { x: number; y: number }): Int8Array {
  const out = new Int8Array(size.width * size.height)
  for (const mark of marks) {
    if (mark.kind !== 'stroke') continue
    const radius = Math.max(radiusOf(mark), MIN_STROKE_RADIUS)
    const value = mark.label === 'keep' ? 1 : -1
    mark.points.forEach((end, i) => {
      if (i === 0 && mark.points.length > 1) return
      drawSegment(out, size, mark.points[i - 1] ?? end, end, radius, value, scale)
    })
  }
  return out
}

function drawSegment(
  out: Int8Array, size: Size, a: ImagePoint, b: ImagePoint, radius: number, value: number, scale: { x: number; y: number },
): void {
  const dx = b.x - a.x
  const dy = b.y - a.y
  const square = dx * dx + dy * dy
  const x0 = Math.max(0, Math.trunc((Math.min(a.x, b.x) - radius) * scale.x))
  const x1 = Math.min(size.width - 1, Math.trunc((Math.max(a.x, b.x) + radius) * scale.x))
  const y0 = Math.max(0, Math.trunc((Math.min(a.y, b.y) - radius) * scale.y))
  const y1 = Math.min(size.height - 1, Math.trunc((Math.max(a.y, b.y) + radius) * scale.y))
  for (let y = y0; y <= y1; y++) {
    const py = (y + 0.5) / scale.y - a.y
    for (let x = x0; x <= x1; x++) {
      const px = (x + 0.5) / scale.x - a.x
      const along = square === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / square))
      const ox = px - along * dx
      const oy = py - along * dy
      if (ox * ox + oy * oy <= radius * radius) out[y * size.width + x] = value
    }
  }
}
