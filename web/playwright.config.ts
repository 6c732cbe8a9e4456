import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from '@playwright/test'
import { chromiumPath } from './e2e/chromium'

/** The config is read again in every worker: what is chosen once travels in the environment. */
async function once(name: string, choose: () => Promise<string> | string): Promise<string> {
  return (process.env[name] ??= await choose())
}

function freePort(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(String(typeof address === 'object' ? address?.port : 0)))
    })
  })
}

const deployed = process.env['E2E_STACK'] === 'deployed'
const bench = process.env['BENCH'] !== undefined
const port = await once('E2E_PORT', freePort)
const data = await once('E2E_DATA', () => mkdtempSync(join(tmpdir(), 'cutout-e2e-')))
// A secure cookie goes over plain HTTP to this name alone, where Playwright asks in the page's stead.
const origin = await once('E2E_ORIGIN', () => `http://${deployed ? 'localhost' : '127.0.0.1'}:${port}`)
const executablePath = await once('E2E_CHROMIUM', chromiumPath)

export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/stack.ts',
  outputDir: join(data, 'results'),
  ...(deployed && { grepInvert: /under `cutout dev`/ }),
  testMatch: bench ? '*.bench.ts' : '*.spec.ts',
  workers: 1, // one stack, two cores: tests side by side would only measure each other
  timeout: 300_000,
  expect: { timeout: 120_000 }, // an encode takes 3 s on two quiet cores, 25 s on busy ones; nothing here waits longer than it must
  reporter: 'list',
  use: {
    baseURL: origin,
    ...(deployed && { storageState: join(data, 'signed-in.json') }),
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--hide-scrollbars'] },
  },
})
