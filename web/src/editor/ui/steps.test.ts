import { expect, it } from 'vitest'
import type { Step } from '../files'
import { stepText } from './steps'

const text = (step: Step): string => stepText({ step, interrupted: false, prepared: null })

it.each([
  [{ at: 'queued', position: 1, starting: false }, 'In line'],
  [{ at: 'queued', position: 4, starting: false }, 'In line, 3 before it'],
  [{ at: 'queued', position: 4, starting: true }, 'Starting a worker, this takes a moment'],
] as const)('%o: %s', (step, expected) => {
  expect(text(step)).toBe(expected)
})
