/** A batch looked through: the least confident cutout first, right as it is or mended with marks, then the next. */
import { ApiError } from '../api/http'
import type { BatchItem, CutoutJob } from '../api/types'
import { Store } from '../store'
import type { FileEntry } from './files'
import type { Workbench } from './workbench'

/** Before the strip runs empty: a page of items takes less time than one look. */
const FEW = 5
/** As many as the strip shows without scrolling for long. */
const ENOUGH = 30
/** While the strip is empty and the batch still being made: a cutout takes about as long. */
const ASK_MS = 3000
/** Without any subject found: nothing is less certain. */
const NO_CONFIDENCE = -1

/** What an empty strip means. */
export type Emptiness = 'opening' | 'waiting' | 'done' | 'failed'

export class Review {
  readonly empty = new Store<Emptiness>('opening')
  private readonly items = new Map<string, BatchItem>()
  /** Told to the server already, or being told. */
  private readonly seen = new Set<string>()
  private workbench: Workbench | null = null
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(readonly batchId: string) {}

  async start(workbench: Workbench): Promise<void> {
    this.workbench = workbench
    await this.fill()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.workbench = null
  }

  /** The open cutout is right as it is. */
  async accept(): Promise<void> {
    const state = this.workbench?.state.get()
    const entry = state?.entries.find((one) => one.id === state.current)
    if (entry) await this.looked(entry, null)
  }

  /** What was applied takes the place of the batch's own. */
  async mended(entry: FileEntry, job: CutoutJob): Promise<void> {
    await this.looked(entry, job)
  }

  private async looked(entry: FileEntry, job: CutoutJob | null): Promise<void> {
    const { workbench } = this
    const item = this.items.get(entry.imageId ?? '')
    if (!workbench || !item || this.seen.has(item.id)) return
    this.seen.add(item.id)
    try {
      await workbench.api.review(item, job)
    } catch (error) {
      this.seen.delete(item.id)
      workbench.notifyOf(error)
      return
    }
    const { entries, current } = workbench.state.get()
    const next = entries.find((one) => one.id !== entry.id)
    if (next && current === entry.id) await workbench.select(next.id) // who has opened another is at work there
    await workbench.remove(entry.id)
    if (workbench.state.get().entries.length < FEW) await this.fill()
  }

  /** Lists what is to be looked at; where there is nothing, `empty` says why. */
  private async fill(): Promise<void> {
    clearTimeout(this.timer)
    const { workbench } = this
    if (!workbench) return
    try {
      // asked first: an item that ends in between is listed all the same
      const { finished_at } = await workbench.api.batch(this.batchId)
      for (const item of await this.unseen(workbench)) this.list(workbench, item)
      workbench.arrange((entry) => this.items.get(entry.imageId ?? '')?.confidence ?? NO_CONFIDENCE)
      const { entries, current } = workbench.state.get()
      this.empty.set(finished_at === null ? 'waiting' : 'done')
      if (entries.length === 0 && finished_at === null) this.askLater()
      if (current === null && entries[0]) await workbench.select(entries[0].id)
    } catch (error) {
      workbench.notifyOf(error)
      if (error instanceof ApiError && error.temporary) this.askLater()
      else this.empty.set('failed')
    }
  }

  private askLater(): void {
    if (this.workbench) this.timer = setTimeout(() => void this.fill(), ASK_MS)
  }

  private list(workbench: Workbench, item: BatchItem): void {
    if (!item.image) return
    this.items.set(item.image.id, item)
    workbench.list(item.image.id, item.name)
  }

  /** Page after page: many files may never have become an image, and then there is nothing to look at. The report says why. */
  private async unseen(workbench: Workbench): Promise<readonly BatchItem[]> {
    const found: BatchItem[] = []
    let cursor: string | null = null
    do {
      const page = await workbench.api.toReview(this.batchId, cursor)
      // no width: the image is gone
      found.push(...page.items.filter(({ id, image }) => image !== null && image.width !== null && !this.seen.has(id)))
      cursor = page.next_cursor
    } while (cursor !== null && found.length < ENOUGH)
    return found
  }
}
