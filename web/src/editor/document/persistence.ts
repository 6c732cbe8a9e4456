/** Marks per image in IndexedDB: a reload, a crash or a full tab loses none. */
import { EMPTY, type MarkDocument } from './history'

const DATABASE = 'cutout'
const STORE = 'documents'
/** Where a tab tells the others of each document that it saves, by the image's id. */
const SAVED = 'cutout-documents'

interface Saved {
  readonly imageId: string
  readonly document: MarkDocument
  readonly savedAt: number
}

/** Images not touched for this long are gone from the server too (retention), and so may be their marks. */
const KEEP_MS = 90 * 24 * 3600 * 1000

export class DocumentStore {
  private opening: Promise<IDBDatabase> | null = null
  private opened: IDBDatabase | null = null
  private readonly saves = new BroadcastChannel(SAVED)
  /** Images whose marks another tab has saved since they were loaded here. */
  private readonly stale = new Set<string>()

  constructor(private readonly factory: IDBFactory = indexedDB) {
    this.saves.onmessage = ({ data }: MessageEvent<string>) => this.stale.add(data)
  }

  async load(imageId: string): Promise<MarkDocument> {
    this.stale.delete(imageId)
    const saved = await this.run<Saved | undefined>('readonly', (store) => store.get(imageId) as IDBRequest<Saved | undefined>)
    return saved?.document ?? EMPTY
  }

  /**
   * Rejects with a DOMException (QuotaExceededError …): the caller says that marks are not being kept. So it does when another
   * tab has saved the same image: its marks stay. (Comparing revisions in the store would cost the turn that `run` must not take.)
   */
  async save(imageId: string, document: MarkDocument): Promise<void> {
    if (this.stale.has(imageId)) throw new DOMException('another tab has saved marks of this image', 'InvalidStateError')
    const saved: Saved = { imageId, document, savedAt: Date.now() }
    const saving = this.run('readwrite', (store) => store.put(saved))
    this.saves.postMessage(imageId)
    await saving
  }

  /** An open channel keeps the store, and hears, for as long as the page lives. */
  close(): void {
    this.saves.close()
    this.opened?.close()
  }

  async delete(imageId: string): Promise<void> {
    await this.run('readwrite', (store) => store.delete(imageId))
  }

  /** Drops documents of long ago. */
  async prune(now = Date.now()): Promise<void> {
    const all = await this.run<Saved[]>('readonly', (store) => store.getAll() as IDBRequest<Saved[]>)
    for (const saved of all) if (saved.savedAt < now - KEEP_MS) await this.delete(saved.imageId)
  }

  private async run<T>(mode: IDBTransactionMode, task: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    // Without a turn of the event loop, and committed at once: a page that is reloaded in the next instant has sent it all.
    const database = this.opened ?? (await this.database())
    return new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode)
      const request = task(transaction.objectStore(STORE))
      transaction.commit()
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new DOMException('aborted', 'AbortError'))
    })
  }

  private database(): Promise<IDBDatabase> {
    this.opening ??= new Promise((resolve, reject) => {
      const request = this.factory.open(DATABASE, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'imageId' })
      request.onsuccess = () => resolve((this.opened = request.result))
      request.onerror = () => {
        this.opening = null
        reject(request.error ?? new DOMException('no database', 'UnknownError'))
      }
    })
    return this.opening
  }
}
