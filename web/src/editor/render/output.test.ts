import { expect, it } from 'vitest'
import { contentBox, covering, outputBox } from './output'

const size = { width: 6, height: 4 }

it('finds what is visible', () => {
  const matte = new Uint8Array(24)
  expect(contentBox(matte, size)).toBeNull()
  matte[1 * 6 + 2] = 8
  matte[2 * 6 + 4] = 255
  matte[3 * 6 + 5] = 7 // no eye sees it
  expect(contentBox(matte, size)).toEqual({ x0: 2, y0: 1, x1: 5, y1: 3 })
})

it.each([
  [true, '0', { x0: 20, y0: 10, x1: 50, y1: 30 }],
  [true, '10%', { x0: 17, y0: 7, x1: 53, y1: 33 }],
  [true, '5px', { x0: 15, y0: 5, x1: 55, y1: 35 }],
  [false, '0', { x0: 0, y0: 0, x1: 60, y1: 40 }],
])('trim %s, margin %s', (trim, margin, box) => {
  expect(outputBox({ x0: 2, y0: 1, x1: 5, y1: 3 }, size, { width: 60, height: 40 }, { trim, margin })).toEqual(box)
})

it('covers a square with the middle of a wide picture', () => {
  expect(covering({ width: 400, height: 100 }, { x0: 5, y0: 5, x1: 55, y1: 55 })).toEqual({ x0: 150, y0: 0, x1: 250, y1: 100 })
})
