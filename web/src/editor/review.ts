/** A batch looked through: the least confident cutout first, right as it is or mended with marks, then the next. */
import type { BatchItem, CutoutJob } from '../api/types'
import type { FileEntry } from './files'
import type { Workbench } from './workbench'

/** Before the strip runs empty: a page of items takes less time than one look. */
const FEW = 5

export class Review {
  private readonly items = new Map<string, BatchItem>()
  /** Told to the server already, or being told. */
  private readonly seen = new Set<string>()
  private workbench: Workbench | null = null

  constructor(readonly batchId: string) {}

  async start(workbench: Workbench): Promise<void> {
    this.workbench = workbench
    await this.fill()
    const first = workbench.state.get().entries[0]
    if (first) await workbench.select(first.id)
  }

  /** The open cutout is right as it is. */
  async accept(): Promise<void> {
    const { entries, current } = this.bench().state.get()
    const entry = entries.find((one) => one.id === current)
    if (entry) await this.looked(entry, null)
  }

  /** What was applied takes the place of the batch's own. */
  async mended(entry: FileEntry, job: CutoutJob): Promise<void> {
    await this.looked(entry, job)
  }

  private async looked(entry: FileEntry, job: CutoutJob | null): Promise<void> {
    const workbench = this.bench()
    const item = this.items.get(entry.imageId ?? '')
    if (!item || this.seen.has(item.id)) return
    this.seen.add(item.id)
    try {
      await workbench.api.review(item, job)
    } catch (error) {
      this.seen.delete(item.id)
      workbench.notifyOf(error)
      return
    }
    await workbench.remove(entry.id)
    if (workbench.state.get().entries.length < FEW) await this.fill()
    if (workbench.state.get().entries.length === 0) workbench.notify({ code: 'review_done' })
  }

  private async fill(): Promise<void> {
    const workbench = this.bench()
    try {
      for (const item of await workbench.api.toReview(this.batchId)) {
        // a file that never became an image has nothing to look at: the report says why
        if (!item.image || this.seen.has(item.id)) continue
        this.items.set(item.image.id, item)
        workbench.list(item.image.id, item.name)
      }
      const { entries, current } = workbench.state.get()
      if (current === null && entries[0]) await workbench.select(entries[0].id)
    } catch (error) {
      workbench.notifyOf(error)
    }
  }

  private bench(): Workbench {
    if (!this.workbench) throw new Error('the review has not started')
    return this.workbench
  }
}
