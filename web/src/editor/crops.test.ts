import { expect, it } from 'vitest'
import type { CutoutApi } from '../api/client'
import type { EncodeJob } from '../api/types'
import type { InferenceHost } from '../inference/host'
import { Crops } from './crops'
import type { RefineMark } from './document/marks'
import { at } from './geometry/spaces'

const PART: RefineMark = { id: 'r', kind: 'refine', label: 'keep', points: [at(0, 0), at(64, 64)], crop: 'crop' }

it('opens nothing once the image is closed', async () => {
  let encoded: (job: Partial<EncodeJob>) => void = () => undefined
  const job = new Promise<Partial<EncodeJob>>((resolve) => (encoded = resolve))
  const open: string[] = []
  const api = { encodeAgain: () => job, follow: () => job, absolute: (path: string) => path } as unknown as CutoutApi
  const host = { open: ({ key }: { key: string }) => void open.push(key), close: () => Promise.resolve() } as unknown as InferenceHost
  const crops = new Crops(api, host, 'lite', 'pad')
  const opening = crops.open([PART])
  crops.close()
  encoded({ image: { id: 'crop', width: 64, height: 64 }, result: { embedding: { url: '/e', bytes: 1 } } as EncodeJob['result'] })
  await expect(opening).rejects.toMatchObject({ name: 'AbortError' })
  expect(open).toEqual([])
})
