import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { DrawnMark, Label } from '../document/marks'
import { frameOf, MASK_SIDE, type Fit } from '../geometry/frame'
import { at } from '../geometry/spaces'
import { discs, type Circle } from './discs'
import { refined } from './refine'
import { Replay, type RunDecoder } from './replay'

interface Case {
  what: string
  image: [number, number]
  fit: Fit
  dynamic: [number, number] | null
  start: Circle[] | null
  refine?: boolean
  marks: { kind: 'point' | 'stroke' | 'box'; label: Label; points: [number, number][]; radius?: number; scale?: number }[]
  answers: { masks: Circle[][]; iou: number[] }[]
  asked: { points: [number, number][]; labels: number[]; fed: boolean }[]
  pixels: number
  sha256: string
}

/** The same cases that Python is held to (tests/golden/replays.py says how discs become logits). */
const { cases } = JSON.parse(readFileSync(new URL('../../../../tests/golden/replays.json', import.meta.url), 'utf8')) as { cases: Case[] }

const square = (circles: Circle[]): Float32Array => discs({ width: MASK_SIDE, height: MASK_SIDE }, circles)

function scripted(answers: Case['answers'], asked: Case['asked']): RunDecoder {
  return ({ coords, labels }, before) => {
    const answer = answers[asked.length]
    if (!answer) throw new RangeError('asked more often than in Python')
    // the graph's own pad goes last (prompts.ts); Python adds it behind the sessions
    const points = Array.from({ length: labels.length - 1 }, (_, i): [number, number] => [coords[2 * i] ?? NaN, coords[2 * i + 1] ?? NaN])
    asked.push({ points, labels: Array.from(labels).slice(0, -1), fed: before !== null })
    const logits = Float32Array.from(answer.masks.flatMap((circles) => Array.from(square(circles))))
    return Promise.resolve({ logits, iou: Float32Array.from(answer.iou) })
  }
}

const drawn = ({ points, ...mark }: Case['marks'][number], index: number): DrawnMark =>
  ({ id: String(index), radius: 0, ...mark, points: points.map(([x, y]) => at<'image'>(x, y)) }) as DrawnMark

it.each(cases)('$what', async ({ image: [width, height], fit, dynamic, start, refine, marks, answers, asked, pixels, sha256 }) => {
  const frame = frameOf({ width, height }, fit)
  const said: Case['asked'] = []
  const run = scripted(answers, said)
  const given = start && square(start)
  const proposal = given && refine ? await refined(run, frame, given) : given
  const rule = dynamic && { delta: dynamic[0], threshold: dynamic[1] }
  const { logits } = await new Replay(frame, proposal, run, rule).after(marks.map(drawn), proposal ? 'auto' : 'empty')
  expect(said).toHaveLength(asked.length)
  said.forEach(({ points, ...rest }, index) => {
    const { points: theirs, ...others } = asked[index] ?? { points: [] }
    expect(rest).toEqual(others)
    const off = points.flatMap((p, i) => [p[0] - (theirs[i]?.[0] ?? NaN), p[1] - (theirs[i]?.[1] ?? NaN)])
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(0.01) // of 1024: Python's are rounded to 0.001
  })
  const mask = Uint8Array.from(logits, (logit) => Number(logit > 0))
  expect({ pixels: mask.reduce((sum, one) => sum + one, 0), sha256: createHash('sha256').update(mask).digest('hex') }).toEqual({ pixels, sha256 })
})
