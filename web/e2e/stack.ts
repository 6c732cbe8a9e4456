/** The real `cutout dev` for the tests: started before them, ended after them, its log kept beside the results. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const START_S = 180 // a first Postgres cluster and three imports of onnxruntime, on a CI machine

export default async function start(): Promise<() => Promise<void>> {
  const { E2E_PORT, E2E_DATA, E2E_PYTHON } = process.env
  const root = join(import.meta.dirname, '..', '..')
  const home = E2E_DATA ?? '.'
  const data = join(home, 'data')
  const log = openSync(join(home, 'stack.log'), 'a')
  const stack = spawn(E2E_PYTHON ?? join(root, '.venv', 'bin', 'python'), ['-m', 'app.cli', 'dev', '--fake-clippingmagic'], {
    cwd: root,
    env: { ...process.env, CUTOUT_DATA_DIR: data, CUTOUT_PORT: E2E_PORT },
    stdio: ['ignore', log, log],
  })
  const ended = once(stack, 'exit')
  const end = (): boolean => stack.kill('SIGTERM')
  process.once('exit', end) // Ctrl-C while it starts: Playwright then leaves without a teardown
  const stop = async (): Promise<void> => {
    end()
    await ended
    await rm(data, { recursive: true, force: true })
  }
  const died = ended.then(() => Promise.reject(new Error(`cutout dev ended; see ${home}/stack.log`)))
  try {
    await Promise.race([ready(`http://127.0.0.1:${E2E_PORT ?? ''}/readyz`), died])
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

async function ready(url: string): Promise<void> {
  const until = Date.now() + START_S * 1000
  while (Date.now() < until) {
    const answer = await fetch(url).catch(() => null) // not listening yet
    if (answer?.ok) return
    await pause(200)
  }
  throw new Error(`${url} is not ready after ${START_S} s`)
}
