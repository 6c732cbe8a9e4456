/** The real `cutout dev` for the tests: started before them, ended after them, its log kept beside the results. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const START_S = 120

export default async function start(): Promise<() => Promise<void>> {
  const { E2E_PORT, E2E_DATA, E2E_PYTHON } = process.env
  const root = join(import.meta.dirname, '..', '..')
  const log = openSync(join(E2E_DATA ?? '.', 'stack.log'), 'a')
  const stack = spawn(E2E_PYTHON ?? join(root, '.venv', 'bin', 'python'), ['-m', 'app.cli', 'dev'], {
    cwd: root,
    env: { ...process.env, CUTOUT_DATA_DIR: join(E2E_DATA ?? '.', 'data'), CUTOUT_PORT: E2E_PORT },
    stdio: ['ignore', log, log],
  })
  const ended = once(stack, 'exit')
  await Promise.race([ready(`http://127.0.0.1:${E2E_PORT ?? ''}/readyz`), ended.then(() => Promise.reject(new Error('cutout dev ended; see stack.log')))])
  return async () => {
    stack.kill('SIGTERM')
    await ended
  }
}

async function ready(url: string): Promise<void> {
  for (let tries = 0; tries < START_S * 5; tries++) {
    const answer = await fetch(url).catch(() => null) // not listening yet
    if (answer?.ok) return
    await pause(200)
  }
  throw new Error(`${url} is not ready after ${START_S} s`)
}
