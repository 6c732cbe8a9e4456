import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { frameOf, MASK_SIDE } from '../geometry/frame'
import { at, boxOf } from '../geometry/spaces'
import { choose } from './choose'

interface Case {
  what: string
  image: [number, number]
  clicks: [number, number, boolean][]
  box: [number, number, number, number] | null
  scale?: number
  dynamic: [number, number] | null
  masks: [number, number, number, number][]
  iou: number[]
  chosen: number
}

/** The same cases that Python is held to (tests/golden/choices.py says how a disc becomes logits). */
const { cases } = JSON.parse(readFileSync(new URL('../../../../tests/golden/choices.json', import.meta.url), 'utf8')) as { cases: Case[] }

function disc([cx, cy, radius, slope]: [number, number, number, number]): number[] {
  return Array.from({ length: MASK_SIDE * MASK_SIDE }, (_, i) => {
    const far = Math.hypot((i % MASK_SIDE) + 0.5 - cx, Math.floor(i / MASK_SIDE) + 0.5 - cy)
    return Math.min(10, Math.max(-10, slope * (radius - far)))
  })
}

it.each(cases)('$what', ({ image, clicks, box, scale = 0, dynamic, masks, iou, chosen }) => {
  const said = {
    points: clicks.map(([x, y]) => at<'image'>(x, y)),
    keep: clicks.map(([, , keep]) => keep),
    box: box && boxOf(at<'image'>(box[0], box[1]), at<'image'>(box[2], box[3])),
    scale,
  }
  const frame = frameOf({ width: image[0], height: image[1] }, 'pad')
  const rule = dynamic && { delta: dynamic[0], threshold: dynamic[1] }
  expect(choose({ logits: Float32Array.from(masks.flatMap(disc)), iou: Float32Array.from(iou) }, said, frame, rule)).toBe(chosen)
})
