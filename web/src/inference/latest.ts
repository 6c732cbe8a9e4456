/** One task in flight and one pending; a newer task takes the pending one's place, which then fails with `superseded`. */
import { Fault } from './errors'

interface Pending {
  readonly run: () => Promise<void>
  readonly drop: () => void
}

export class Latest {
  private running = false
  private pending: Pending | null = null

  submit<T>(task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.pending?.drop()
      this.pending = {
        run: () => task().then(resolve, reject),
        drop: () => reject(new Fault('superseded', 'a newer request took its place')),
      }
      void this.pump()
    })
  }

  private async pump(): Promise<void> {
    if (this.running) return
    this.running = true
    for (let next = this.pending; next; next = this.pending) {
      this.pending = null
      await next.run()
    }
    this.running = false
  }
}
