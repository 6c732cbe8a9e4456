import 'fake-indexeddb/auto'
import { expect, it, vi } from 'vitest'
import { EMPTY, type MarkDocument } from './history'
import { DocumentStore } from './persistence'

/** Heard at once by every other channel. */
class Channel {
  private static readonly all: Channel[] = []
  onmessage: ((event: { data: unknown }) => void) | null = null

  constructor() {
    Channel.all.push(this)
  }

  postMessage(data: unknown): void {
    for (const other of Channel.all) if (other !== this) other.onmessage?.({ data })
  }
}

it('keeps the marks that another tab has saved, and says so', async () => {
  vi.stubGlobal('BroadcastChannel', Channel)
  const [mine, other] = [new DocumentStore(), new DocumentStore()]
  const document: MarkDocument = { ...EMPTY, start: 'empty' }
  await mine.load('a')
  await other.load('a')
  await other.save('a', document)
  await other.save('a', document)
  await expect(mine.save('a', EMPTY)).rejects.toMatchObject({ name: 'InvalidStateError' })
  await mine.save('b', EMPTY)
  expect(await mine.load('a')).toEqual(document)
  await mine.save('a', EMPTY)
  expect(await other.load('a')).toEqual(EMPTY)
})
