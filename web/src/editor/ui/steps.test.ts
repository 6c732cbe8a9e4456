import { expect, it } from 'vitest'
import type { Step } from '../files'
import { stepText } from './steps'

const text = (step: Step): string => stepText({ step, interrupted: false, renewing: null, prepared: null })

it('says how far the other model is, while the image is edited', () => {
  expect(stepText({ step: { at: 'ready' }, interrupted: false, renewing: 0.4, prepared: null })).toBe('Preparing with the other model 40 %')
})

it.each([
  [{ at: 'queued', position: 1, starting: false }, 'In line'],
  [{ at: 'queued', position: 4, starting: false }, 'In line, 3 before it'],
  [{ at: 'queued', position: 4, starting: true }, 'Starting a worker, this takes a moment'],
] as const)('%o: %s', (step, expected) => {
  expect(text(step)).toBe(expected)
})
