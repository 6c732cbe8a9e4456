/** What is open or being opened, by key. What is closed while it opens, or cannot be opened, is not kept. */
export class Openings<T> {
  private readonly items = new Map<string, Promise<T>>()

  get(key: string): Promise<T> | undefined {
    return this.items.get(key)
  }

  open(key: string, opening: Promise<T>): Promise<T> {
    this.items.set(key, opening)
    opening.catch(() => {
      if (this.items.get(key) === opening) this.items.delete(key)
    })
    return opening
  }

  /** False: it was not open. */
  close(key: string): boolean {
    return this.items.delete(key)
  }
}
