/** Masks in MaskSpace, and as the values of a mask file: the twin of app/segmentation/maskio.py. */
import { MASK_SIDE } from '../geometry/frame'

/** SAM clamps a fed-back mask to ±32 (sam2_base.py). */
export const LOGIT_LIMIT = 32
const PIXELS = MASK_SIDE * MASK_SIDE

/** A copy of one of the four masks, clamped as it will be fed back. */
export function take(logits: Float32Array, index: number): Float32Array {
  const mask = logits.slice(index * PIXELS, (index + 1) * PIXELS)
  for (let i = 0; i < mask.length; i++) mask[i] = Math.min(LOGIT_LIMIT, Math.max(-LOGIT_LIMIT, mask[i] ?? 0))
  return mask
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
