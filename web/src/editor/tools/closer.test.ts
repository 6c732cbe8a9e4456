import { expect, it } from 'vitest'
import { at } from '../geometry/spaces'
import { dispatch } from './machine'
import { closer } from './closer'
import { openStage, type Stage } from './stage'

const IMAGE = { width: 3000, height: 2000 }
const WORKING = { width: 1500, height: 1000 }
const stage = (): Stage => openStage(IMAGE, { width: 900, height: 648 }, () => 'id')
const zoomed = (factor: number): Stage => dispatch(stage(), { type: 'zoom', factor })

it('looks at what is on screen, in whole pixels of the image', () => {
  const part = closer(zoomed(4), null, WORKING)
  expect(part && [part.min, part.max].flatMap(({ x, y }) => [x, y]).every(Number.isInteger)).toBe(true)
  expect(part).toMatchObject({ min: { x: expect.closeTo(1104, -1) as number }, max: { x: expect.closeTo(1896, -1) as number } })
})

it('looks at the subject where the whole image is on screen', () => {
  expect(closer(stage(), { x0: 600, y0: 400, x1: 800, y1: 500 }, WORKING)).toEqual({ min: at(1140, 740), max: at(1660, 1060) })
})

it('does not reach beyond the image', () => {
  expect(closer(stage(), { x0: 0, y0: 0, x1: 200, y1: 1000 }, WORKING)).toEqual({ min: at(0, 0), max: at(700, 2000) })
})

it('looks at nothing that is nearly all of the image, nothing too small for the API, and nothing where there is nothing', () => {
  expect(closer(stage(), { x0: 10, y0: 10, x1: 1400, y1: 900 }, WORKING)).toBeNull()
  expect(closer(stage(), { x0: 700, y0: 500, x1: 703, y1: 503 }, WORKING)).toBeNull()
  expect(closer(stage(), null, WORKING)).toBeNull()
})
