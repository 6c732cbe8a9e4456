/**
 * Unpacking embeddings in Chromium, of the tests' photos. Run: npm run bench codec. BENCH_PACKED names a folder that
 * `python -m benchmarks.codec --keep FOLDER` has filled with others.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { build, type Rollup } from 'vite'

const RUNS = 5
const ORIGIN = 'http://localhost:1/' // never asked: every request is answered here
const WEB = join(import.meta.dirname, '..')
const REPOSITORY = join(WEB, '..')
const BASIS = join(REPOSITORY, 'models', 'codecs', 'lite.basis')
const GIVEN = process.env['BENCH_PACKED']

let folder = ''

test.beforeAll(() => {
  folder = GIVEN ?? mkdtempSync(join(tmpdir(), 'cutout-packed-'))
  if (GIVEN !== undefined) return
  const python = process.env['E2E_PYTHON'] ?? '.venv/bin/python'
  execFileSync(python, ['-m', 'benchmarks.codec', '--steps', '0.010', '--keep', folder], { cwd: REPOSITORY })
})

test.afterAll(() => {
  if (GIVEN === undefined) rmSync(folder, { recursive: true })
})

/** The decoder of the editor's worker as a module of its own. */
async function bundled(): Promise<string> {
  const [output] = (await build({
    configFile: false,
    root: WEB,
    logLevel: 'silent',
    build: { write: false, target: 'es2022', lib: { entry: 'e2e/codec.entry.ts', formats: ['es'], fileName: 'codec' } },
  })) as Rollup.RollupOutput[]
  return output?.output[0].code ?? ''
}

interface Module {
  readonly decodeEmbedding: (container: ArrayBuffer, basis: object) => readonly { readonly data: Float32Array }[]
  readonly parseBasis: (container: ArrayBuffer) => object
}

test('unpacking an embedding', async ({ page }) => {
  const names = readdirSync(folder)
  const code = await bundled()
  await page.route(`${ORIGIN}**`, (route) => {
    const name = new URL(route.request().url()).pathname.slice(1)
    if (name === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
    if (name === 'codec.js') return route.fulfill({ contentType: 'text/javascript', body: code })
    return route.fulfill({ body: readFileSync(name === 'basis' ? BASIS : join(folder, decodeURIComponent(name))) })
  })
  await page.goto(ORIGIN)
  const taken = await page.evaluate(
    async ([origin, files, runs]) => {
      const { decodeEmbedding, parseBasis } = (await import(`${origin}codec.js`)) as Module
      const load = async (name: string): Promise<ArrayBuffer> => (await fetch(origin + encodeURIComponent(name))).arrayBuffer()
      const basis = parseBasis(await load('basis'))
      const medians: number[] = []
      for (const file of files) {
        const bytes = await load(file)
        const times = Array.from({ length: runs }, () => {
          const began = performance.now()
          decodeEmbedding(bytes, basis)
          return performance.now() - began
        })
        medians.push(times.sort((a, b) => a - b)[runs >> 1] ?? NaN)
      }
      return medians.sort((a, b) => a - b)
    },
    [ORIGIN, names, RUNS] as const,
  )
  const at = (share: number): string => (taken[Math.floor(share * (taken.length - 1))] ?? NaN).toFixed(0)
  console.log(`${names.length} embeddings: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, first to last ${at(0)} to ${at(1)} ms`)
  expect(taken).toHaveLength(names.length)
})
