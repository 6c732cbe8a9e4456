/** The worker's side of a WorkerLink: each request has one reply, a result or a fault. */
import { holdAlive } from './alive'
import { toData } from './errors'
import type { CallsOf, OnLoading, ReplyOf, RequestOf } from './protocol'

interface Port<C extends CallsOf<C>> {
  postMessage(reply: ReplyOf<C>, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<RequestOf<C>>) => void): void
}

type Handlers<C extends CallsOf<C>> = { readonly [K in keyof C]: (args: C[K]['args'], onLoading: OnLoading) => Promise<C[K]['result']> }

/** `transferOf`: what of a result the page gets for itself. */
export function serve<C extends CallsOf<C>>(handlers: Handlers<C>, transferOf: (result: C[keyof C]['result']) => Transferable[]): void {
  const port = self as unknown as Port<C> // the DOM library types `self` as a window
  const held = holdAlive(self.name)
  const answer = async ({ id, call, args }: RequestOf<C>): Promise<void> => {
    try {
      await held // the page asks for the lock after the first answer, and takes one that is free for the end of this worker
      const result = await handlers[call](args, (what, received, total) => port.postMessage({ id, kind: 'progress', what, received, total }))
      port.postMessage({ id, kind: 'done', result }, transferOf(result))
    } catch (error) {
      port.postMessage({ id, kind: 'failed', error: toData(error) })
    }
  }
  port.addEventListener('message', ({ data: request }) => void answer(request))
}
