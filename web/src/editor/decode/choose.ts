/** Which of the decoder's four masks answers: the twin of app/segmentation/decode.py, held to it by tests/golden/choices.json. */
import { imageToMask, MASK_SIDE, maskContent, type Frame } from '../geometry/frame'
import { isSingle, type Clicks } from './prompts'

/** SAM 2's rule for its single-mask output; SAM 1 decoders have none. */
export interface DynamicMultimask {
  readonly delta: number
  readonly threshold: number
}

const PIXELS = MASK_SIDE * MASK_SIDE

// Weights and what they were measured to gain: app/segmentation/decode.py.
const TRUST_DELTA = 1
const TRUST_WEIGHT = 0.3
const AREA_WEIGHT = 0.12
const EDGE_WEIGHT = 0.8
const SINGLE_BONUS = 0.1
const OBEDIENCE_WEIGHT = 0.3

/**
 * Index of the mask to take of `logits` [4, 256, 256] and `iou` [4] where there is no earlier mask. A single click is ambiguous:
 * the likeliest whole object of the three multimask outputs, or what its scale says. Else what SAM 2 does, where the model has
 * that rule; where not, the likeliest of all four that obeys the clicks.
 */
export function choose(
  logits: Float32Array,
  iou: Float32Array,
  clicks: Clicks,
  frame: Frame,
  dynamic: DynamicMultimask | null,
): number {
  const masks = Array.from(iou, (_, i) => logits.subarray(i * PIXELS, (i + 1) * PIXELS))
  const score = (i: number): number => objectScore(masks[i] ?? logits, iou[i] ?? 0, frame)
  if (isSingle(clicks)) return larger([1, 2, 3], (i) => count(masks[i] ?? logits, maskContent(frame), 0), best([1, 2, 3], score), clicks.scale)
  if (!dynamic) {
    const bonus = (i: number): number => (i === 0 ? SINGLE_BONUS : 0)
    return best([0, 1, 2, 3], (i) => score(i) + bonus(i) + OBEDIENCE_WEIGHT * obedience(masks[i] ?? logits, clicks, frame))
  }
  const full = { width: MASK_SIDE, height: MASK_SIDE }
  const stable = stability(masks[0] ?? logits, full, dynamic.delta) >= dynamic.threshold
  return stable ? 0 : best([1, 2, 3], (i) => iou[i] ?? 0)
}

function best(indices: readonly number[], score: (index: number) => number): number {
  const scores = indices.map(score)
  return indices[scores.indexOf(Math.max(...scores))] ?? 0
}

/** The one `by` sizes larger than `index`; the smallest after the largest. */
function larger(indices: readonly number[], size: (index: number) => number, index: number, by: number): number {
  const sizes = new Map(indices.map((i) => [i, size(i)]))
  const order = indices.toSorted((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0))
  return order[(order.indexOf(index) + by) % order.length] ?? index
}

interface Extent {
  readonly width: number
  readonly height: number
}

/** IoU of the masks at thresholds ±delta within `extent`; 1 where both are empty. */
function stability(mask: Float32Array, extent: Extent, delta: number): number {
  const outer = count(mask, extent, -delta)
  return outer === 0 ? 1 : count(mask, extent, delta) / outer
}

function count(mask: Float32Array, { width, height }: Extent, above: number): number {
  let found = 0
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if ((mask[y * MASK_SIDE + x] ?? 0) > above) found++
  return found
}

/** How likely a mask is a whole object. */
function objectScore(mask: Float32Array, iou: number, frame: Frame): number {
  const extent = maskContent(frame)
  const area = Math.max(count(mask, extent, 0), 1) / (extent.width * extent.height)
  const trust = stability(mask, extent, TRUST_DELTA)
  return iou + TRUST_WEIGHT * trust + AREA_WEIGHT * Math.log(area) - EDGE_WEIGHT * edgeShare(mask, extent)
}

/** Share of the image's border pixels that the mask covers. */
function edgeShare(mask: Float32Array, { width, height }: Extent): number {
  const inside = (x: number, y: number): number => ((mask[y * MASK_SIDE + x] ?? 0) > 0 ? 1 : 0)
  let touching = 0
  for (let x = 0; x < width; x++) touching += inside(x, 0) + inside(x, height - 1)
  for (let y = 0; y < height; y++) touching += inside(0, y) + inside(width - 1, y)
  return touching / (2 * (width + height))
}

/** Share of the clicks that the mask decides as asked; 1 without clicks. */
function obedience(mask: Float32Array, clicks: Clicks, frame: Frame): number {
  if (clicks.points.length === 0) return 1
  const pixel = (at: number): number => Math.floor(Math.min(MASK_SIDE - 1, Math.max(0, at)))
  const obeyed = clicks.points.filter((point, i) => {
    const { x, y } = imageToMask(frame, point)
    return (mask[pixel(y) * MASK_SIDE + pixel(x)] ?? 0) > 0 === clicks.keep[i]
  })
  return obeyed.length / clicks.points.length
}
