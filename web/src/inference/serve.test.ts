import { expect, it, vi } from 'vitest'
import type { Reply } from './protocol'
import { serve } from './serve'

it('answers only when the lock is held that tells the page of its end', async () => {
  const taken: { hold?: () => void } = {}
  const port: { listen?: (event: { data: unknown }) => void } = {}
  const postMessage = vi.fn<(reply: Reply) => void>()
  vi.stubGlobal('navigator', { locks: { request: (_: string, hold: () => void) => ((taken.hold = hold), new Promise(() => undefined)) } })
  vi.stubGlobal('self', { name: 'test', postMessage, addEventListener: (_: 'message', listener: (event: { data: unknown }) => void) => (port.listen = listener) })
  serve<{ add: { args: number; result: number } }>({ add: (n) => Promise.resolve(n + 1) }, () => [])

  port.listen?.({ data: { id: 1, call: 'add', args: 2 } })
  await new Promise((resolve) => setTimeout(resolve)) // what could be answered has been
  expect(postMessage).not.toHaveBeenCalled()
  taken.hold?.()
  await vi.waitFor(() => expect(postMessage).toHaveBeenCalledWith({ id: 1, kind: 'done', result: 3 }, []))
})
