/**
 * How the page learns at once that a worker is gone: the worker holds a lock under its own name for as long as it lives, and the
 * browser hands the lock on when it dies. No event tells of it, and a ping cannot: a worker that computes does not answer either.
 */
const lockOf = (name: string): string => `cutout-alive-${name}`

/** In the worker, before it answers anything: resolves when the lock is held, and at once where locks are missing. */
export function holdAlive(name: string): Promise<void> {
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve()
      return new Promise(() => undefined)
    }
    const manager = locks()
    if (manager) void manager.request(lockOf(name), hold).catch(() => resolve())
    else resolve()
  })
}

/** In the page, after the worker's first answer: resolves when it is gone, never where locks are missing. */
async function gone(name: string): Promise<void> {
  const manager = locks()
  if (!manager) return new Promise(() => undefined)
  await manager.request(lockOf(name), { mode: 'shared' }, () => undefined)
}

/** A worker whose end the page learns of; `start` gives it the name. (The bundler wants to see `new Worker(new URL(…))` whole.) */
export function watched(kind: string, start: (name: string) => Worker): Worker & { gone: () => Promise<void> } {
  const name = `${kind}-${crypto.randomUUID()}`
  return Object.assign(start(name), { gone: () => gone(name) })
}

/** Missing outside https and localhost. */
const locks = (): LockManager | undefined => (navigator as { locks?: LockManager }).locks
