/**
 * How the page learns at once that a worker is gone: the worker holds a lock under its own name for as long as it lives, and the
 * browser hands the lock on when it dies. No event tells of it, and a ping cannot: a worker that computes does not answer either.
 */
const lockOf = (name: string): string => `cutout-alive-${name}`

/** In the worker, first thing. */
export function holdAlive(name: string): void {
  void locks()?.request(lockOf(name), () => new Promise(() => undefined))
}

/** In the page, after the worker's first answer: resolves when it is gone, never where locks are missing. */
export async function gone(name: string): Promise<void> {
  const manager = locks()
  if (!manager) return new Promise(() => undefined)
  await manager.request(lockOf(name), { mode: 'shared' }, () => undefined)
}

/** Missing outside https and localhost. */
const locks = (): LockManager | undefined => (navigator as { locks?: LockManager }).locks
