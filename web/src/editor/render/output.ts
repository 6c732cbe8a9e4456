/** Which part of the image the file will show: the twin of app/matting/frame.py. */
import type { CutoutOptions } from '../../api/options'
import type { Size } from '../geometry/spaces'

export interface PixelBox {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

const VISIBLE = 8 // of 255: a stray pixel that no eye sees must not hold the frame open

/** Smallest box around what is visible, or null. */
export function contentBox(matte: Uint8Array, { width, height }: Size): PixelBox | null {
  let [x0, y0, x1, y1] = [width, height, 0, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((matte[y * width + x] ?? 0) < VISIBLE) continue
      if (x < x0) x0 = x
      if (x >= x1) x1 = x + 1
      if (y < y0) y0 = y
      y1 = y + 1
    }
  }
  return x1 === 0 ? null : { x0, y0, x1, y1 }
}

/** In ImageSpace; `content` is in pixels of `working`. A margin in percent is of the subject's longer side. */
export function outputBox(content: PixelBox | null, working: Size, image: Size, { trim, margin }: Pick<CutoutOptions, 'trim' | 'margin'>): PixelBox {
  const [sx, sy] = [image.width / working.width, image.height / working.height]
  const box = trim && content ? { x0: content.x0 * sx, y0: content.y0 * sy, x1: content.x1 * sx, y1: content.y1 * sy } : { x0: 0, y0: 0, x1: image.width, y1: image.height }
  const amount = Number.parseFloat(margin)
  const px = margin.endsWith('%') ? (amount / 100) * Math.max(box.x1 - box.x0, box.y1 - box.y0) : amount
  return { x0: box.x0 - px, y0: box.y0 - px, x1: box.x1 + px, y1: box.y1 + px }
}

/** The middle of `picture` that covers a box of this shape, in the picture's pixels. */
export function covering(picture: Size, box: PixelBox): PixelBox {
  const [across, down] = [box.x1 - box.x0, box.y1 - box.y0]
  const ratio = Math.max(across / picture.width, down / picture.height)
  const x0 = (picture.width - across / ratio) / 2
  const y0 = (picture.height - down / ratio) / 2
  return { x0, y0, x1: picture.width - x0, y1: picture.height - y0 }
}
