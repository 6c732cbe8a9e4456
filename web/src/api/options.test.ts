import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DEFAULT_OPTIONS } from './options'

it('has the defaults of the API', () => {
  const api = JSON.parse(readFileSync(new URL('../../../tests/golden/options.json', import.meta.url), 'utf8')) as object
  expect(api).toMatchObject(DEFAULT_OPTIONS)
})
