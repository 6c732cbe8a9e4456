import { describe, expect, it, vi } from 'vitest'
import type { WorkerLike } from '../../inference/link'
import type { ReplyOf, RequestOf } from '../../inference/protocol'
import { whole } from '../decode/layers'
import { frameOf } from '../geometry/frame'
import { Preview } from './preview'
import type { PreviewCalls } from './preview.protocol'

const drawn = { kept: 1 }

/** Answers each call until it is gone or falls silent; counts the bitmaps that are still held. */
class Scripted implements WorkerLike<PreviewCalls> {
  onmessage: WorkerLike<PreviewCalls>['onmessage'] = null
  onerror: WorkerLike<PreviewCalls>['onerror'] = null
  readonly calls: string[] = []
  silent = false
  bitmaps = 0
  die: () => void = () => undefined
  readonly gone = (): Promise<void> => new Promise((resolve) => (this.die = resolve))

  postMessage({ id, call }: RequestOf<PreviewCalls>): void {
    this.calls.push(call)
    if (this.silent) return
    const result = call === 'open' ? this.bitmap() : call === 'render' ? drawn : null
    queueMicrotask(() => this.onmessage?.({ data: { id, kind: 'done', result } as ReplyOf<PreviewCalls> } as MessageEvent<ReplyOf<PreviewCalls>>))
  }

  terminate(): void {
    this.silent = true
  }

  private bitmap(): ImageBitmap {
    this.bitmaps++
    return { close: () => this.bitmaps-- } as unknown as ImageBitmap
  }
}

const frame = frameOf({ width: 4, height: 3 }, 'pad')
const input = { key: 'a', mask: whole(new Float32Array(1)), marks: [], edge: { smooth: 0, offset: 0, feather: 0 } }

function previewing(): { preview: Preview; workers: Scripted[]; first: Scripted } {
  const workers: Scripted[] = []
  const first = new Scripted()
  const spawn = (): Scripted => {
    const worker = workers.length === 0 ? first : new Scripted()
    workers.push(worker)
    return worker
  }
  return { preview: new Preview(spawn), workers, first }
}

describe('Preview', () => {
  it('opens the image again in a new worker when the one it had is gone', async () => {
    const { preview, workers, first } = previewing()
    await preview.open('a', frame, new Blob())
    await preview.open('b', frame, new Blob())
    preview.close('b')
    first.die()
    await Promise.resolve()
    expect(await preview.render(input)).toBe(drawn)
    expect(workers.map(({ calls }) => calls)).toEqual([['open', 'open', 'close'], ['open', 'render']])
    expect(workers[1]?.bitmaps).toBe(0) // the page has the one it draws
  })

  it('fails the calls under way when the worker dies, and goes on', async () => {
    const { preview, first } = previewing()
    await preview.open('a', frame, new Blob())
    first.silent = true
    const [render, mask] = [preview.render(input), preview.maskFile(frame, input.mask)]
    first.die()
    await expect(render).rejects.toMatchObject({ code: 'worker_lost' })
    await expect(mask).rejects.toMatchObject({ code: 'worker_lost' })
    expect(await preview.render(input)).toBe(drawn)
  })

  it('ends a worker that says nothing', async () => {
    vi.useFakeTimers()
    const { preview, first } = previewing()
    first.silent = true
    const opening = expect(preview.open('a', frame, new Blob())).rejects.toMatchObject({ code: 'worker_lost' })
    await vi.runAllTimersAsync()
    await opening
    vi.useRealTimers()
    await preview.open('a', frame, new Blob())
  })

  it('keeps no bitmap of an image that is closed while it opens', async () => {
    const { preview, first } = previewing()
    const opening = preview.open('a', frame, new Blob())
    preview.close('a')
    await opening
    expect(first.bitmaps).toBe(0)
  })

  it('starts no worker once the editor is closed', async () => {
    const { preview, workers } = previewing()
    preview.dispose()
    await expect(preview.render(input)).rejects.toMatchObject({ code: 'aborted' })
    expect(workers).toHaveLength(1)
  })
})
