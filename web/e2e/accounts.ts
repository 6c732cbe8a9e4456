/** A server that asks who one is: real processes in configured mode, and `cutout issuer` for Supabase. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { test as base } from '@playwright/test'

export interface House {
  readonly url: string
  readonly email: string
  readonly password: string
}

export const test = base.extend<object, { house: House }>({
  house: [
    async ({}, use) => {
      const root = join(import.meta.dirname, '..', '..')
      const home = process.env['E2E_DATA'] ?? '.'
      const log = openSync(join(home, 'house.log'), 'a')
      const python = process.env['E2E_PYTHON'] ?? join(root, '.venv', 'bin', 'python')
      const house = spawn(python, ['-m', 'tests.configured', mkdtempSync(join(home, 'house-'))], { cwd: root, stdio: ['pipe', 'pipe', log] })
      const { stdin, stdout } = house as unknown as { stdin: Writable; stdout: Readable } // both are pipes
      const ended = once(house, 'exit')
      const died = ended.then(() => Promise.reject(new Error(`the house did not stand; see ${home}/house.log`)))
      const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
      const first = await Promise.race([lines.next(), died])
      await use(JSON.parse(String(first.value)) as House)
      stdin.end()
      await ended
    },
    { scope: 'worker', timeout: 300_000 },
  ],
})
