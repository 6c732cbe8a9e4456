/** One worker and the calls under way in it. It answers or it fails: a silent worker is ended by the watchdog. */
import { Fault, fromData } from './errors'
import type { Calls, CallsOf, OnLoading, ReplyOf, RequestOf } from './protocol'

export interface WorkerLike<C extends CallsOf<C> = Calls> {
  postMessage(message: RequestOf<C>): void
  terminate(): void
  /** Resolves when the worker is gone, if this can be known; asked once it has answered its first call. */
  gone?(): Promise<void>
  onmessage: ((event: MessageEvent<ReplyOf<C>>) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (fault: Fault) => void
  readonly onLoading: OnLoading
  readonly watch: () => ReturnType<typeof setTimeout>
  timer: ReturnType<typeof setTimeout>
}

export class WorkerLink<C extends CallsOf<C> = Calls> {
  private readonly waiting = new Map<number, Waiting>()
  private nextId = 1
  private ended = false
  private answered = false

  constructor(private readonly worker: WorkerLike<C>) {
    worker.onmessage = ({ data }) => this.receive(data)
    worker.onerror = (event) => this.end(new Fault('worker_lost', event.message || 'the worker stopped'))
  }

  get alive(): boolean {
    return !this.ended
  }

  /** Rejects with worker_lost when nothing, not even progress, was heard for `patienceMs`; the worker is then ended. */
  call<K extends keyof C & string>(call: K, args: C[K]['args'], patienceMs: number, onLoading: OnLoading = () => undefined): Promise<C[K]['result']> {
    if (this.ended) return Promise.reject(new Fault('worker_lost', 'the worker has ended'))
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      const watch = (): ReturnType<typeof setTimeout> => this.watch(call, patienceMs)
      // the reply's type follows from the id, which TypeScript cannot see
      this.waiting.set(id, { resolve, reject, onLoading, watch, timer: watch() })
      this.worker.postMessage({ id, call, args })
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

  private watch(call: string, patienceMs: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.end(new Fault('worker_lost', `"${call}" was silent for ${patienceMs} ms`)), patienceMs)
  }

  private receive(reply: ReplyOf<C>): void {
    if (!this.answered) this.awaitEnd()
    const waiting = this.waiting.get(reply.id)
    if (!waiting) return
    clearTimeout(waiting.timer)
    if (reply.kind === 'progress') {
      waiting.timer = waiting.watch()
      waiting.onLoading(reply.what, reply.received, reply.total)
      return
    }
    this.waiting.delete(reply.id)
    if (reply.kind === 'done') waiting.resolve(reply.result)
    else waiting.reject(fromData(reply.error))
  }

  private awaitEnd(): void {
    this.answered = true
    this.worker.gone?.().then(() => this.end(new Fault('worker_lost', 'the worker is gone')), () => undefined) // not to be known: the watchdog stays
  }
}
