/** Which of the decoder's four masks answers: the twin of app/segmentation/decode.py. */
import { MASK_SIDE } from '../geometry/frame'

/** SAM clamps a fed-back mask to ±32 (sam2_base.py). */
export const LOGIT_LIMIT = 32
const PIXELS = MASK_SIDE * MASK_SIDE

// SAM 2's dynamic multimask, sam2.1_hiera_*.yaml: dynamic_multimask_stability_{delta,thresh}
const STABILITY_DELTA = 0.05
const STABILITY_THRESHOLD = 0.98

/** IoU of the masks at thresholds ±delta; 1 where both are empty. */
export function stability(logits: Float32Array): number {
  let inner = 0
  let outer = 0
  for (const logit of logits) {
    if (logit > STABILITY_DELTA) inner++
    if (logit > -STABILITY_DELTA) outer++
  }
  return outer === 0 ? 1 : inner / outer
}

/**
 * Index of the mask to take of `logits` [4, 256, 256] and `iou` [4]. One click is ambiguous: the multimask output the
 * model trusts most. Else the single-mask output, unless it is unstable.
 */
export function choose(logits: Float32Array, iou: Float32Array, multimask: boolean): number {
  if (!multimask && stability(logits.subarray(0, PIXELS)) >= STABILITY_THRESHOLD) return 0
  let best = 1
  for (let i = 2; i < iou.length; i++) if ((iou[i] ?? 0) > (iou[best] ?? 0)) best = i
  return best
}

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
