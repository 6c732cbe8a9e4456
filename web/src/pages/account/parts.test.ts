import { expect, it } from 'vitest'
import { dollars } from './parts'

it.each([
  [0.125, '$0.13'],
  [-0.0004, '$0.00'],
  [-1.5, '−$1.50'],
])('%f is %s', (value, expected) => {
  expect(dollars(value)).toBe(expected)
})
