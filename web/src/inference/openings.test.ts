import { expect, it } from 'vitest'
import { Openings } from './openings'

it('keeps nothing that was closed while it opened', async () => {
  const openings = new Openings<number>()
  const opening = openings.open('a', Promise.resolve(1))
  expect(openings.close('a')).toBe(true)
  await opening
  expect(openings.get('a')).toBeUndefined()
  expect(openings.close('a')).toBe(false)
})

it('forgets what could not be opened, but not what was opened in its place', async () => {
  const openings = new Openings<number>()
  const first = openings.open('a', Promise.reject(new Error('cut')))
  await expect(first).rejects.toThrow('cut')
  expect(openings.get('a')).toBeUndefined()
  const second = openings.open('a', Promise.reject(new Error('cut')))
  const third = openings.open('a', Promise.resolve(3))
  await expect(second).rejects.toThrow('cut')
  expect(openings.get('a')).toBe(third)
})
