/**
 * Which of the decoder's answers counts: the likeliest object in the middle of whose errors the marks stand. The twin of
 * app/segmentation/choose.py, held to it by tests/golden/choices.json. Arrays are [h, w] over the image's part of MaskSpace.
 */
import { imageToMask, MASK_SIDE, maskContent, type Frame } from '../geometry/frame'
import type { Size } from '../geometry/spaces'
import { crop } from './masks'
import { granting, heeding, localChange } from './obey'
import { isSingle, type Clicks } from './prompts'
import { deepest, depthOf, regionOf, type Region } from './regions'

/** SAM 2's rule for its single-mask output; SAM 1 decoders have none. */
export interface DynamicMultimask {
  readonly delta: number
  readonly threshold: number
}

const PIXELS = MASK_SIDE * MASK_SIDE

// Weights and what they were measured to gain: app/segmentation/choose.py.
const TRUST_DELTA = 1
const IOU_WEIGHT = 0.5
const TRUST_WEIGHT = 1.5
const AREA_WEIGHT = 0.35
const EDGE_WEIGHT = 3
const CENTRED_WEIGHT = 0.6
const CUT_WEIGHT = 2.5
const SINGLE_BONUS = 0.2
const OBEDIENCE_WEIGHT = 1
const MAX_ASKED = 4

/** What a mark was there to change. */
export interface Asked {
  /** The subject before it. */
  readonly was: Region
  /** Its pixels that were not as it asks; at least one. */
  readonly at: Region
  readonly keep: boolean
}

/** The decoder's answers: logits [4, 256, 256] and predicted IoU [4]. */
export interface Answers {
  readonly logits: Float32Array
  readonly iou: Float32Array
}

/**
 * Index of the mask to take where there is no earlier mask. A single click is ambiguous: the likeliest whole object of the three
 * multimask outputs, or what its scale says. Else what SAM 2 does, where the model has that rule; where not, the likeliest of
 * all four that obeys the clicks.
 */
export function choose(
  { logits, iou }: Answers,
  clicks: Clicks,
  frame: Frame,
  dynamic: DynamicMultimask | null,
  asked: readonly Asked[] = [],
): number {
  const size = maskContent(frame)
  const answers = Array.from(iou, (_, i) => ({ answer: crop(logits, size, i), iou: iou[i] ?? 0, bonus: bonus(i) }))
  if (isSingle(clicks)) {
    const found = likeliest(answers.map((one, i) => ({ ...one, bonus: i === 0 ? -Infinity : 0 })), asked, size)
    return larger([1, 2, 3], (i) => count(answers[i]?.answer ?? logits, 0), found.index, clicks.scale)
  }
  const whole = (i: number): Float32Array => logits.subarray(i * PIXELS, (i + 1) * PIXELS)
  if (!dynamic) {
    const obeying = answers.map((one, i) => ({ ...one, bonus: one.bonus + OBEDIENCE_WEIGHT * obedience(whole(i), clicks, frame) }))
    return likeliest(obeying, asked, size).index
  }
  if (stability(whole(0), dynamic.delta) >= dynamic.threshold) return 0
  return 1 + iou.subarray(1).indexOf(Math.max(...iou.subarray(1)))
}

/**
 * What the last mark makes of `before`, by the decoder's answers to it: the likeliest of them, as a whole or near the mark alone,
 * whichever is likelier; nothing where it does not do at all what the mark asks. `local`: near the mark alone in any case, and of
 * those that heed it.
 */
export function meant({ logits, iou }: Answers, before: Float32Array, asked: readonly Asked[], size: Size, local: boolean): Float32Array {
  const last = asked.at(-1)
  if (!last) throw new RangeError('nothing was asked')
  const answers = Array.from(iou, (_, i) => {
    const answer = crop(logits, size, i)
    const heard = !local || heeding(answer, before, last.at, last.keep)
    return { answer, iou: iou[i] ?? 0, bonus: heard ? bonus(i) : -Infinity }
  })
  const { index, score } = likeliest(answers, asked, size)
  const best = answers[index]
  if (!best || score === -Infinity) return before
  const near = localChange(before, best.answer, last.at, last.keep, size)
  if (local || !granting(best.answer, last.at, last.keep)) return near
  return likeliest([{ ...best, answer: near }], asked, size, score).score >= score ? near : best.answer
}

function bonus(index: number): number {
  return index === 0 ? SINGLE_BONUS : 0
}

/** The one `by` sizes larger than `index`; the smallest after the largest. */
function larger(indices: readonly number[], size: (index: number) => number, index: number, by: number): number {
  const sizes = new Map(indices.map((i) => [i, size(i)]))
  const order = indices.toSorted((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0))
  return order[(order.indexOf(index) + by) % order.length] ?? index
}

interface Offered {
  readonly answer: Float32Array
  /** Predicted. */
  readonly iou: number
  /** On its score. */
  readonly bonus: number
}

/**
 * Which answer is most likely what the marks were for, the last of them above all, and its score. Distances cost the most, so
 * none are taken where they cannot decide: an answer that could not reach `floor` or another has a score of -Infinity.
 */
function likeliest(offered: readonly Offered[], asked: readonly Asked[], size: Size, floor = -Infinity): { index: number; score: number } {
  const told = offered.map(({ answer, iou, bonus }, index) => {
    const mask = regionOf(answer.length, (i) => (answer[i] ?? 0) > 0)
    return { index, mask, score: bonus === -Infinity ? bonus : bonus + plainly(answer, mask, iou, asked, size) }
  })
  let found = { index: 0, score: -Infinity }
  for (const { index, mask, score } of told.toSorted((a, b) => b.score - a.score)) {
    if (score + CENTRED_WEIGHT < Math.max(found.score, floor)) break
    const whole = score + CENTRED_WEIGHT * centredness(mask, asked, size)
    if (whole > found.score) found = { index, score: whole }
  }
  return found
}

/** All of an answer's score but what distances say. */
function plainly(answer: Float32Array, mask: Region, iou: number, asked: readonly Asked[], size: Size): number {
  const area = Math.max(count(answer, 0), 1) / answer.length
  return (
    IOU_WEIGHT * iou +
    TRUST_WEIGHT * stability(answer, TRUST_DELTA) +
    AREA_WEIGHT * Math.log(area) -
    EDGE_WEIGHT * edgeShare(mask, size) -
    CUT_WEIGHT * cut(mask, asked)
  )
}

/** How well marks stand in the middle of what was wrong, if the subject is this: 0 to 1, else 1. */
function centredness(subject: Region, asked: readonly Asked[], size: Size): number {
  const latest = asked.slice(-MAX_ASKED)
  if (latest.length === 0) return 1
  return latest.reduce((sum, { was, at }) => sum + depthShare(subject, was, at, size), 0) / latest.length
}

/** How deep `at` lies in what has changed, of the deepest there is. */
function depthShare(subject: Region, was: Region, at: Region, size: Size): number {
  const depth = depthOf(regionOf(subject.length, (i) => subject[i] !== was[i]), size)
  const most = deepest(depth)
  return most > 0 ? deepest(depth, at) / most : 0
}

/** How much of the subject a remove mark would take, if it left this: 1 - IoU of before and after. */
function cut(subject: Region, asked: readonly Asked[]): number {
  const last = asked.at(-1)
  if (!last || last.keep) return 0
  let both = 0
  let either = 0
  for (let i = 0; i < subject.length; i++) {
    if (subject[i] && last.was[i]) both++
    if (subject[i] || last.was[i]) either++
  }
  return 1 - both / Math.max(either, 1)
}

/** IoU of the masks at thresholds ±delta; 1 where both are empty. */
function stability(answer: Float32Array, delta: number): number {
  const outer = count(answer, -delta)
  return outer === 0 ? 1 : count(answer, delta) / outer
}

function count(answer: Float32Array, above: number): number {
  let found = 0
  for (let i = 0; i < answer.length; i++) if ((answer[i] ?? 0) > above) found++
  return found
}

/** Share of the image's border pixels that the mask covers. */
function edgeShare(mask: Region, { width, height }: Size): number {
  const inside = (x: number, y: number): number => mask[y * width + x] ?? 0
  let touching = 0
  for (let x = 0; x < width; x++) touching += inside(x, 0) + inside(x, height - 1)
  for (let y = 0; y < height; y++) touching += inside(0, y) + inside(width - 1, y)
  return touching / (2 * (width + height))
}

/** Share of the clicks that the mask [256, 256] decides as asked; 1 without clicks. */
function obedience(mask: Float32Array, clicks: Clicks, frame: Frame): number {
  if (clicks.points.length === 0) return 1
  const pixel = (at: number): number => Math.floor(Math.min(MASK_SIDE - 1, Math.max(0, at)))
  const obeyed = clicks.points.filter((point, i) => {
    const { x, y } = imageToMask(frame, point)
    return (mask[pixel(y) * MASK_SIDE + pixel(x)] ?? 0) > 0 === clicks.keep[i]
  })
  return obeyed.length / clicks.points.length
}
