/**
 * Marks that obey: what a mark decides is decided, and the decoder counts only where the mark supports it. The twin of
 * app/segmentation/obey.py, held to it by tests/golden/obeying.json. Arrays are [h, w] over the image's part of MaskSpace.
 */
import { radiusOf, type DrawnMark } from '../document/marks'
import { maskContent, maskScale, type Frame } from '../geometry/frame'
import type { Size } from '../geometry/spaces'
import { connected, deepest, depthOf, regionOf, within, type Region } from './regions'
import { decided } from './strokes'

// What these were measured to gain: app/segmentation/obey.py.
const REACH = Math.SQRT2
const DECIDED = 2
const THICKNESS = 1.15
const SLACK = 1
const GAP = 10
const SURE = 0.5
const SURELY = [1, 4] as const
const NEAR = 3
const REMEMBERED = 0.5

/** +1 keep, -1 remove, 0 free: what points and strokes decide; later marks win, boxes decide nothing. */
export function touched(marks: readonly DrawnMark[], frame: Frame): Int8Array {
  const scale = maskScale(frame)
  const wider = REACH / Math.min(scale.x, scale.y)
  const strokes = marks.filter((mark) => mark.kind !== 'box')
  const wide = strokes.map((mark): DrawnMark => ({ ...mark, kind: 'stroke', radius: radiusOf(mark) + wider }))
  return decided(wide, maskContent(frame), scale)
}

/** `logits` with what is decided `by` marks decided so. */
export function enforced(logits: Float32Array, by: Int8Array): Float32Array {
  const out = logits.slice()
  for (let i = 0; i < out.length; i++) {
    const decision = by[i] ?? 0
    if (decision > 0) out[i] = Math.max(out[i] ?? 0, DECIDED)
    else if (decision < 0) out[i] = Math.min(out[i] ?? 0, -DECIDED)
  }
  return out
}

/** Whether an answer does what a mark asks of one of its pixels `at`, at least. */
export function granting(answer: Float32Array, at: Region, keep: boolean): boolean {
  for (let i = at.indexOf(1); i >= 0; i = at.indexOf(1, i + 1)) if ((answer[i] ?? 0) > 0 === keep) return true
  return false
}

/** Whether an answer grants it and still speaks of the subject of `before`: an addition keeps half of it, a cut makes no other. */
export function heeding(after: Float32Array, before: Float32Array, at: Region, keep: boolean): boolean {
  if (!granting(after, at, keep)) return false
  let size = 0
  let shared = 0
  let other = 0
  for (let i = 0; i < before.length; i++) {
    const now = (after[i] ?? 0) > 0
    if ((before[i] ?? 0) > 0) {
      size++
      if (now) shared++
    } else if (now) other++
  }
  const limit = REMEMBERED * Math.max(size, 1)
  return keep ? shared >= limit : other <= limit
}

/**
 * `before` with that of the change to `after` which a mark supports. `at`: its pixels that are not yet as it asks. Taken is
 * what changes the mark's way, hangs together with a changed pixel of `at`, and is no thicker than the change is there; of a cut
 * in a gap, what the decoder is sure of.
 */
export function localChange(before: Float32Array, after: Float32Array, at: Region, keep: boolean, size: Size): Float32Array {
  const sign = keep ? 1 : -1
  const changed = regionOf(before.length, (i) => sign * (after[i] ?? 0) > 0 && sign * (before[i] ?? 0) <= 0)
  const whole = connected(changed, at, size)
  if (!whole.includes(1)) return before
  const depth = depthOf(whole, size)
  const here = deepest(depth, at)
  const core = coreOf(depth, here, size)
  const sure = here <= GAP && !keep ? sureOf(after, at) : 0
  const part = connected(regionOf(whole.length, (i) => whole[i] === 1 && !core?.[i] && sign * (after[i] ?? 0) > sure), at, size)
  const near = within(part, size, NEAR)
  const out = before.slice()
  for (let i = 0; i < out.length; i++) {
    const tooThick = core?.[i] && whole[i]
    const now = after[i] ?? 0
    if (near[i] && !tooThick && sign * now > sign * (before[i] ?? 0)) out[i] = now
  }
  return out
}

/** From which logit below 0 on `after` is sure of a cut: as sure, by half, as of the mark's pixels `at`. */
function sureOf(after: Float32Array, at: Region): number {
  let most = -Infinity
  for (let i = at.indexOf(1); i >= 0; i = at.indexOf(1, i + 1)) most = Math.max(most, -(after[i] ?? 0))
  return Math.min(Math.max(SURE * most, SURELY[0]), SURELY[1])
}

/** What is too thick where the mark stands as deep as `here`, and what lies around it; null when nothing is. */
function coreOf(depth: Float64Array, here: number, size: Size): Region | null {
  const limit = THICKNESS * here + SLACK
  const thick = regionOf(depth.length, (i) => (depth[i] ?? 0) > limit)
  return thick.includes(1) ? within(thick, size, limit) : null
}
