/** SAM 2.1's exported decoder in onnxruntime-web gives the logits of Meta's own predictor (random weights, a real photo). */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test } from '@playwright/test'
import type * as Ort from 'onnxruntime-web'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const RUNTIME = join(import.meta.dirname, '..', 'node_modules', 'onnxruntime-web', 'dist')
const ORIGIN = 'http://localhost:1/' // never asked: every request is answered here
const TOLERANCE = 1e-3 // of the reference's standard deviation

interface Values {
  readonly file: string
  readonly shape: readonly number[]
}

interface Case {
  readonly prompt: string
  readonly inputs: Readonly<Record<string, Values>>
  readonly logits: Values
}

let folder = ''

test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutout-parity-'))
})

test.afterAll(() => rmSync(folder, { recursive: true }))

test('the decoder in the browser gives the masks of Meta', async ({ page }) => {
  test.setTimeout(600_000) // the predictor, the export and five decodes, perhaps beside other tests
  const python = process.env['E2E_PYTHON'] ?? '.venv/bin/python'
  execFileSync(python, ['-m', 'tests.models.browser_case', folder], { cwd: REPOSITORY })
  await page.route(`${ORIGIN}**`, (route) => {
    const name = basename(new URL(route.request().url()).pathname)
    if (name === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
    const path = join(name.startsWith('ort') ? RUNTIME : folder, name)
    const contentType = name.endsWith('.mjs') ? 'text/javascript' : 'application/octet-stream'
    return route.fulfill({ contentType, body: readFileSync(path) })
  })
  await page.goto(ORIGIN)

  const results = await page.evaluate(async (origin) => {
    const ort = (await import(`${origin}ort.wasm.min.mjs`)) as typeof Ort
    ort.env.wasm.numThreads = 1
    const values = async (file: string): Promise<Float32Array> =>
      new Float32Array(await (await fetch(origin + file)).arrayBuffer())
    const session = await ort.InferenceSession.create(`${origin}decoder.onnx`)
    const cases = (await (await fetch(`${origin}cases.json`)).json()) as Case[]
    const compared = []
    for (const { prompt, inputs, logits } of cases) {
      const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {}
      for (const [name, { file, shape }] of Object.entries(inputs)) feeds[name] = new ort.Tensor(await values(file), shape)
      const ours = (await session.run(feeds))['logits']?.data as Float32Array
      const theirs = await values(logits.file)
      const mean = theirs.reduce((sum, value) => sum + value, 0) / theirs.length
      const spread = Math.sqrt(theirs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / theirs.length)
      const error = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - (ours[i] ?? NaN))), 0) / spread
      compared.push({ prompt, error, count: ours.length })
    }
    return compared
  }, ORIGIN)

  expect(results.map(({ prompt }) => prompt)).toEqual(['1 click', '3 clicks', 'box', 'box and click', 'previous mask'])
  for (const { prompt, error, count } of results) {
    test.info().annotations.push({ type: prompt, description: `max |difference| ${error.toExponential(1)} σ` })
    expect(count, prompt).toBe(4 * 256 * 256)
    expect(error, prompt).toBeLessThanOrEqual(TOLERANCE)
  }
})
