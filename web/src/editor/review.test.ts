import 'fake-indexeddb/auto'
import { afterEach, expect, test, vi } from 'vitest'
import { CutoutApi } from '../api/client'
import type { BatchItem } from '../api/types'
import { Review } from './review'
import { Workbench } from './workbench'

const PAGE = 30 // of the server's list

/** The API as far as a review meets it. What is opened stays in its upload: here nothing is encoded. */
class Server {
  finished = true
  readonly reviewed: string[] = []

  constructor(readonly items: BatchItem[]) {
    vi.stubGlobal('fetch', (url: string) => this.answer(new URL(url, 'http://cutout.example')))
    vi.stubGlobal('navigator', { onLine: true })
    vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined })
    vi.stubGlobal('Worker', class { postMessage = (): void => undefined; terminate = (): void => undefined })
  }

  private answer({ pathname, searchParams }: URL): Promise<Response> {
    if (pathname === '/api/batches/b') return Promise.resolve(Response.json({ id: 'b', finished_at: this.finished ? 'now' : null }))
    if (pathname === '/api/batches/b/items') {
      const from = Number(searchParams.get('cursor') ?? 0)
      const left = this.items.filter(({ id }) => !this.reviewed.includes(id)).toSorted((a, b) => (a.confidence ?? -1) - (b.confidence ?? -1))
      const next_cursor = left.length > from + PAGE ? String(from + PAGE) : null
      return Promise.resolve(Response.json({ items: left.slice(from, from + PAGE), next_cursor }))
    }
    const looked = /^\/review\/(.+)$/.exec(pathname)?.[1]
    if (looked === undefined) return new Promise(() => undefined)
    this.reviewed.push(looked)
    return Promise.resolve(Response.json({}))
  }
}

const item = (id: string, confidence: number | null, image = true): BatchItem => ({
  id, name: `${id}.jpg`, state: image ? 'succeeded' : 'failed', error: null, confidence,
  image: image ? { id: `image-${id}`, width: 10, height: 10 } : null, urls: { review: `/review/${id}`, job: null, result: null },
})

async function started(): Promise<{ review: Review; workbench: Workbench; names: () => string[] }> {
  const workbench = new Workbench(new CutoutApi())
  const review = new Review('b')
  await review.start(workbench)
  return { review, workbench, names: () => workbench.state.get().entries.map(({ name }) => name) }
}

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('what has no confidence comes first, behind however many files that never became images', async () => {
  const broken = Array.from({ length: 2 * PAGE }, (_, i) => item(`broken${i}`, null, false))
  const server = new Server([...broken, item('sure', 0.9), item('unsure', 0.2), item('nothing', null)])
  const { review, workbench, names } = await started()
  expect(names()).toEqual(['nothing.jpg', 'unsure.jpg', 'sure.jpg'])
  for (const left of [2, 1, 0]) {
    await review.accept()
    expect(names()).toHaveLength(left)
  }
  expect(server.reviewed).toEqual(['nothing', 'unsure', 'sure'])
  expect([review.empty.get(), workbench.state.get().notice]).toEqual(['done', null])
})

test('a batch that is still being made is waited for, and its least confident goes to the front', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const server = new Server([])
  server.finished = false
  const { review, names } = await started()
  expect(review.empty.get()).toBe('waiting')
  server.items.push(item('first', 0.8), item('second', 0.9))
  await vi.runOnlyPendingTimersAsync()
  expect(names()).toEqual(['first.jpg', 'second.jpg'])
  server.items.push(item('late', 0.1))
  await review.accept()
  expect(names()).toEqual(['late.jpg', 'second.jpg'])
  review.stop()
  expect(vi.getTimerCount()).toBe(0)
})

test('a batch that was looked through says so when it is opened again', async () => {
  new Server([item('broken', null, false)])
  expect((await started()).review.empty.get()).toBe('done')
})

test('a batch that is not there is no batch that was looked through', async () => {
  new Server([])
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ code: 'batch_not_found' }, { status: 404 })))
  const { review, workbench } = await started()
  expect([review.empty.get(), workbench.state.get().notice?.code]).toEqual(['failed', 'batch_not_found'])
})

test('who opened another cutout while one was saved stays there', async () => {
  new Server([item('first', 0.1), item('second', 0.2), item('third', 0.3)])
  const { review, workbench, names } = await started()
  const third = workbench.state.get().entries.at(-1)?.id ?? ''
  const accepted = review.accept()
  await workbench.select(third)
  await accepted
  expect([names(), workbench.state.get().current]).toEqual([['second.jpg', 'third.jpg'], third])
})
