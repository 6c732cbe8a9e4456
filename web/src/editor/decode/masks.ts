/** Masks in MaskSpace, and as the values of a mask file: the twin of app/segmentation/maskio.py. */
import { MASK_SIDE } from '../geometry/frame'
import type { Size } from '../geometry/spaces'

/** SAM clamps a fed-back mask to ±32 (sam2_base.py). */
export const LOGIT_LIMIT = 32
const PIXELS = MASK_SIDE * MASK_SIDE

/** The image's part of [256, 256], of mask `index` where there are several; to be read only, a view where it can be one. */
export function crop(logits: Float32Array, { width, height }: Size, index = 0): Float32Array {
  const mask = logits.subarray(index * PIXELS, (index + 1) * PIXELS)
  if (width === MASK_SIDE) return mask.subarray(0, width * height)
  const out = new Float32Array(width * height)
  for (let y = 0; y < height; y++) out.set(mask.subarray(y * MASK_SIDE, y * MASK_SIDE + width), y * width)
  return out
}

/** The image's part → [256, 256], clamped, the padding surely background. */
export function framed(logits: Float32Array, { width, height }: Size): Float32Array {
  const out = nothing()
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) out[y * MASK_SIDE + x] = Math.min(LOGIT_LIMIT, Math.max(-LOGIT_LIMIT, logits[i] ?? 0))
  }
  return out
}

/** MaskSpace logits without a subject. */
export function nothing(): Float32Array {
  return new Float32Array(PIXELS).fill(-LOGIT_LIMIT)
}

/** round(255·sigmoid(logit)): the value of a mask file, edge at 128. */
export function toValues(logits: Float32Array): Uint8Array {
  return Uint8Array.from(logits, (logit) => Math.floor(255 / (1 + Math.exp(-logit)) + 0.5))
}

/** 0 and 255 stand for half an interval, as in app/segmentation/maskio.py. */
const LOGITS = Float32Array.from({ length: 256 }, (_, value) => {
  const centre = Math.min(254.75, Math.max(0.25, value))
  return Math.log(centre / (255 - centre))
})

export function toLogits(values: Uint8Array): Float32Array {
  return Float32Array.from(values, (value) => LOGITS[value] ?? 0)
}
