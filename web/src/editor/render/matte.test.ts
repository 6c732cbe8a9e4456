import { expect, it } from 'vitest'
import { leftOut } from './matte'

it.each([
  ['auto', true, ['matting', 'decontaminate']],
  ['hair', false, ['matting']],
  ['off', true, ['decontaminate']],
  ['off', false, []],
] as const)('matting %s, decontaminate %s: the preview leaves out %j', (matting, decontaminate, missing) => {
  expect(leftOut({ matting, decontaminate })).toEqual(missing)
})
