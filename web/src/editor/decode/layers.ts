/** A mask with finer parts: what the decoder said of the whole image, and of crops of it. */
import { MASK_SIDE, maskScale, type Frame } from '../geometry/frame'
import type { Box, ImagePoint, Size } from '../geometry/spaces'
import { resample } from './resample'

/** A part of the image as an image of its own. */
export interface CropMask {
  /** ImageSpace, whole pixels. */
  readonly box: Box<'image'>
  /** Of the crop, whose ImageSpace begins at `box.min`. */
  readonly frame: Frame
  /** MaskSpace of the crop, 256². */
  readonly logits: Float32Array
}

export interface Mask {
  /** MaskSpace, 256². */
  readonly logits: Float32Array
  /** Each lies over those before it. */
  readonly crops: readonly CropMask[]
}

/** A raster over a part of ImageSpace: where it begins, and how many ImageSpace pixels one of its own is. */
export interface Raster extends Size {
  readonly origin: ImagePoint
  readonly step: { readonly x: number; readonly y: number }
}

const SQUARE = { width: MASK_SIDE, height: MASK_SIDE }
/** Mask pixels of a crop from its border to where it alone counts, as in app/matting/crops.py. */
export const BLEND = 2

export const whole = (logits: Float32Array): Mask => ({ logits, crops: [] })

/** `mask` over `raster`, each pixel from the finest part that it lies in. */
export function sampled(mask: Mask, frame: Frame, raster: Raster): Float32Array {
  const out = sampledFrom(mask.logits, frame, raster, { x: 0, y: 0 })
  for (const crop of mask.crops) lay(out, crop, raster, frame.image)
  return out
}

function sampledFrom(logits: Float32Array, frame: Frame, { origin, step, width, height }: Raster, start: ImagePoint): Float32Array {
  const scale = maskScale(frame)
  const by = { x: step.x * scale.x, y: step.y * scale.y }
  const from = { x: (origin.x - start.x) * scale.x, y: (origin.y - start.y) * scale.y }
  return resample(logits, SQUARE, { width, height }, by, from)
}

function lay(out: Float32Array, crop: CropMask, raster: Raster, image: Size): void {
  const { box, frame, logits } = crop
  const [x0, x1] = covered(raster.origin.x, raster.step.x, raster.width, box.min.x, box.max.x)
  const [y0, y1] = covered(raster.origin.y, raster.step.y, raster.height, box.min.y, box.max.y)
  if (x1 <= x0 || y1 <= y0) return
  const origin = { x: raster.origin.x + x0 * raster.step.x, y: raster.origin.y + y0 * raster.step.y }
  const part: Raster = { origin, step: raster.step, width: x1 - x0, height: y1 - y0 }
  const fine = sampledFrom(logits, frame, part, box.min)
  const shares = blending(part, crop, image)
  for (let y = 0, i = 0; y < part.height; y++) {
    for (let x = 0, to = (y0 + y) * raster.width + x0; x < part.width; x++, i++, to++) {
      const base = out[to] ?? 0
      out[to] = base + (shares[i] ?? 0) * ((fine[i] ?? 0) - base)
    }
  }
}

/** The pixels [first, end) whose centres lie between `min` and `max`. */
function covered(origin: number, step: number, count: number, min: number, max: number): [number, number] {
  const first = Math.ceil((min - origin) / step - 0.5)
  const end = Math.ceil((max - origin) / step - 0.5)
  return [Math.max(0, first), Math.min(count, end)]
}

/** How much a crop counts at each pixel of a raster inside it: 0 at its border to 1, but 1 where the image itself ends. */
export function blending(raster: Raster, { box, frame }: CropMask, image: Size): Float32Array {
  const scale = maskScale(frame)
  const across = ramp(raster.width, raster.origin.x, raster.step.x, box.min.x, box.max.x, image.width, BLEND / scale.x)
  const down = ramp(raster.height, raster.origin.y, raster.step.y, box.min.y, box.max.y, image.height, BLEND / scale.y)
  const out = new Float32Array(raster.width * raster.height)
  for (let y = 0, i = 0; y < raster.height; y++) for (let x = 0; x < raster.width; x++, i++) out[i] = Math.min(across[x] ?? 0, down[y] ?? 0)
  return out
}

function ramp(count: number, origin: number, step: number, min: number, max: number, end: number, over: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const at = origin + (i + 0.5) * step
    const before = min <= 0 ? Infinity : at - min
    const after = max >= end ? Infinity : max - at
    return Math.min(1, Math.max(0, Math.min(before, after) / over))
  })
}
