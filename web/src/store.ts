/** A value that can be watched. Small on purpose: state is immutable values, so this is all that React needs. */
export class Store<T> {
  private readonly listeners = new Set<() => void>()

  constructor(private value: T) {}

  /** Arrow functions: React's useSyncExternalStore calls them unbound. */
  readonly get = (): T => this.value

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return
    this.value = value
    for (const listener of [...this.listeners]) listener()
  }

  update(part: Partial<T>): void {
    this.set({ ...this.value, ...part })
  }

  /** Resolves once `holds` is true of the value. */
  async until(holds: (value: T) => boolean): Promise<void> {
    while (!holds(this.value)) {
      await new Promise<void>((resolve) => {
        const stop = this.subscribe(() => {
          stop()
          resolve()
        })
      })
    }
  }
}

/** Whether two lists hold the very same parts. */
export function sameParts(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i])
}
