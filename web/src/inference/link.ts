/** One worker and the calls under way in it. It answers or it fails: a silent worker is ended by the watchdog. */
import { Fault, fromData } from './errors'
import type { CallName, Calls, Loading, Reply, Request } from './protocol'

export interface WorkerLike {
  postMessage(message: Request): void
  terminate(): void
  /** Resolves when the worker is gone, if this can be known; asked once it has answered its first call. */
  gone?(): Promise<void>
  onmessage: ((event: MessageEvent<Reply>) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
}

export type OnLoading = (what: Loading, received: number, total: number) => void

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (fault: Fault) => void
  readonly onLoading: OnLoading
  readonly patienceMs: number
  timer: ReturnType<typeof setTimeout>
}

export class WorkerLink {
  private readonly waiting = new Map<number, Waiting>()
  private nextId = 1
  private ended = false

  constructor(private readonly worker: WorkerLike) {
    worker.onmessage = ({ data }) => this.receive(data)
    worker.onerror = (event) => this.end(new Fault('worker_lost', event.message || 'the worker stopped'))
  }

  get alive(): boolean {
    return !this.ended
  }

  /** Rejects with worker_lost when nothing, not even progress, was heard for `patienceMs`; the worker is then ended. */
  call<K extends CallName>(call: K, args: Calls[K]['args'], patienceMs: number, onLoading: OnLoading = () => undefined): Promise<Calls[K]['result']> {
    if (this.ended) return Promise.reject(new Fault('worker_lost', 'the worker has ended'))
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        resolve: resolve as (result: unknown) => void, // the reply's type follows from the id, which TypeScript cannot see
        reject, onLoading, patienceMs,
        timer: this.watch(call, patienceMs),
      }
      this.waiting.set(id, waiting)
      this.worker.postMessage({ id, call, args } as Request)
    })
  }

  end(reason: Fault): void {
    this.ended = true
    this.worker.terminate()
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.timer)
      waiting.reject(reason)
    }
    this.waiting.clear()
  }

  private watch(call: CallName, patienceMs: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.end(new Fault('worker_lost', `"${call}" was silent for ${patienceMs} ms`)), patienceMs)
  }

  private receive(reply: Reply): void {
    const waiting = this.waiting.get(reply.id)
    if (!waiting) return
    clearTimeout(waiting.timer)
    if (reply.kind === 'progress') {
      waiting.timer = this.watch('open', waiting.patienceMs)
      waiting.onLoading(reply.what, reply.received, reply.total)
      return
    }
    this.waiting.delete(reply.id)
    if (reply.kind === 'done') waiting.resolve(reply.result)
    else waiting.reject(fromData(reply.error))
  }
}
