/** A server that asks who one is: real processes in configured mode, and `cutout issuer` for Supabase. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { expect, test as base } from '@playwright/test'

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
      const folder = mkdtempSync(join(home, 'house-'))
      const log = openSync(join(home, 'house.log'), 'a')
      const python = process.env['E2E_PYTHON'] ?? join(root, '.venv', 'bin', 'python')
      const house = spawn(python, ['-m', 'tests.configured', folder], { cwd: root, stdio: ['pipe', 'pipe', log] })
      const { stdin, stdout } = house as unknown as { stdin: Writable; stdout: Readable } // both are pipes
      const ended = once(house, 'exit')
      const died = ended.then(() => Promise.reject(new Error(`the house did not stand; see ${home}/house.log`)))
      const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
      const first = await Promise.race([lines.next(), died])
      await use(JSON.parse(String(first.value)) as House)
      stdin.end()
      await ended
      expect(secretsIn(folder), 'keys and tokens in the logs').toEqual([])
    },
    { scope: 'worker', timeout: 300_000 },
  ],
})

/** Names of the logs that hold an API key or a signed token (tests/leaks.py looks at those of the other tests). */
function secretsIn(folder: string): string[] {
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return logs.filter((name) => /cut_\w{28}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/.test(readFileSync(join(folder, name), 'utf8')))
}
