import { readFileSync } from 'node:fs'
import { expect, test, type Page } from '@playwright/test'
import { Editor, photo, referenceMask } from './editor'
import { greenAt, iou, maskOf, maskOnScreen, topLeft } from './pixels'

/** What stands in for it here: tests/models/hd_stand_in.py. */
const HD = 'sam2.1-hiera-small'

/** The canvas is drawn on the frame after a change; the second frame comes when that one is done. */
const drawn = (page: Page): Promise<number> =>
  page.evaluate(() => new Promise<number>((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))

/** White and black behind the cutout, in turns: what `maskOnScreen` looks at. */
const grounds = (page: Page) => async (ground: 'White' | 'Black'): Promise<void> => {
  await page.getByRole('radio', { name: ground }).check({ force: true })
  await drawn(page)
}

/** The server's mask of a single click of one size. */
async function serverMask(page: Page, point: readonly [number, number], scale: number): Promise<Buffer> {
  const { items } = (await (await page.request.get('/api/images?limit=1')).json()) as { items: { id: string }[] }
  const marks = [{ kind: 'point', label: 'keep', points: [point], scale }]
  const headers = { origin: new URL(page.url()).origin } // as a browser sends it, and the session's cookie needs it
  const answer = await page.request.post('/api/segment/decode', { headers, data: { image_id: items[0]?.id, marks, start: 'empty' } })
  expect(answer.ok(), await answer.text()).toBe(true)
  return answer.body()
}

test('a photo becomes a cutout: proposal, marks, undo, redo, apply, download', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await page.getByLabel('Trim to the subject').uncheck() // so that the file covers the whole image, as the preview does
  await editor.drag([300, 200], [305, 205])
  await editor.expectMarks(1)
  await page.keyboard.press('Control+z')
  await editor.expectMarks(0)

  await editor.click(330, 200)
  await editor.click(60, 60, 'right')
  await editor.tool('Brush')
  await editor.drag([220, 210], [280, 260], [380, 260])
  await editor.tool('Box')
  await editor.drag([120, 40], [560, 390])
  await editor.expectMarks(4)
  await page.keyboard.press('Control+z')
  await editor.expectMarks(3)
  await page.keyboard.press('Control+Shift+z')
  await editor.expectMarks(4)
  await page.keyboard.press('Control+z')
  await editor.settled()

  const screen = await maskOnScreen(page, grounds(page))
  const download = await editor.apply()
  expect(download.suggestedFilename()).toBe('coffee-cutout.png')
  const png = readFileSync(await download.path())
  const file = await maskOf(page, png, 'alpha', screen)
  expect(iou(file, screen)).toBeGreaterThanOrEqual(0.99)

  const reference = await maskOf(page, referenceMask('coffee'), 'grey')
  const full = await maskOf(page, png, 'alpha', reference)
  expect(iou(full, reference)).toBeGreaterThanOrEqual(0.9)
})

test('a single click can mean a part or the whole', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('astronaut'))
  const size = page.getByRole('button', { name: 'Part or whole' })
  await editor.click(222, 200)
  await expect(size).toHaveCount(0) // the click mends the proposal: there is one answer
  await page.getByRole('radio', { name: 'Nothing' }).check({ force: true })
  await editor.settled()
  const answers = await Promise.all([0, 1, 2].map((scale) => serverMask(page, [222, 200], scale)))
  const alike = async (): Promise<number[]> => {
    await editor.settled()
    const screen = await maskOnScreen(page, grounds(page))
    return Promise.all(answers.map(async (png) => iou(screen, await maskOf(page, png, 'grey', screen))))
  }
  await page.keyboard.press('t')
  const larger = await alike()
  expect(larger[1]).toBeGreaterThanOrEqual(0.9) // not more: the preview's edge follows the image, the server's mask has 256²
  expect(Math.max(...larger)).toBe(larger[1])
  await size.click()
  await size.click()
  const likeliest = await alike()
  expect(Math.max(...likeliest)).toBe(likeliest[0])
})

test('the preview says what it leaves out, and the server shows it', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  const exact = page.getByRole('button', { name: 'Preview exact' })
  await expect(exact).toContainText('Approximate')
  await exact.click()
  await expect(page.getByRole('button', { name: 'Exact', exact: true })).toBeDisabled()
  await editor.click(330, 200)
  await expect(exact).toBeEnabled() // the marks changed: what is shown is the browser's again

  await editor.hair('Off')
  await expect(exact).toHaveAttribute('title', /edge colours/)
  await page.getByRole('switch', { name: 'Clean edge colours' }).uncheck()
  await expect(exact).toHaveCount(0)
})

test('the cutout stands on a picture, in the preview and in the file', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await page.getByLabel('Trim to the subject').uncheck()
  await page.getByRole('combobox', { name: 'Background' }).selectOption('Picture')
  await page.locator('input[type=file][aria-label="Choose a picture"]').setInputFiles(photo('retina'))
  await expect(page.getByText('retina.jpg')).toBeVisible()
  await drawn(page)
  const download = await editor.apply()
  const file = await maskOf(page, readFileSync(await download.path()), 'alpha')
  expect(file.bits.every((bit) => bit === 1)).toBe(true)
  // The retina's middle lies behind the cup, its dark rim in the corners.
  const [screen, saved] = [await topLeft(page), await greenAt(page, readFileSync(await download.path()), 4, 4)]
  expect(Math.abs(screen - saved)).toBeLessThan(12)
  expect(saved).toBeLessThan(60)
})

/** Its worker may still be starting: until then the model is refused before the image is looked for. */
async function served(page: Page): Promise<void> {
  const data = { image_id: '00000000-0000-7000-8000-000000000000', model: HD }
  await expect.poll(async () => (await page.request.post('/api/segment/encode', { data })).status()).toBe(404)
}

test('HD encodes with the other model in the background, and the marks stay: under `cutout dev`', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await editor.click(330, 200)
  await editor.click(60, 60, 'right')
  await editor.tool('Brush')
  await served(page)
  const hd = page.getByRole('switch', { name: /HD model/ })
  await hd.click()
  await expect(hd).toBeDisabled()
  await editor.drag([220, 210], [280, 260]) // meanwhile one goes on
  await expect(page.locator('.co-engine')).toContainText(HD)
  await expect(hd).toBeEnabled()
  await editor.settled()
  await editor.expectMarks(3)
  await expect(page.getByRole('toolbar').getByRole('button', { name: 'Brush', exact: true })).toHaveAttribute('aria-pressed', 'true')
  await page.keyboard.press('Control+z')
  await editor.expectMarks(2)
  await editor.settled()
  await page.getByLabel('Trim to the subject').uncheck()
  const png = readFileSync(await (await editor.apply()).path())
  const reference = await maskOf(page, referenceMask('coffee'), 'grey')
  expect(iou(await maskOf(page, png, 'alpha', reference), reference)).toBeGreaterThanOrEqual(0.9)
  const { items } = (await (await page.request.get('/api/jobs?limit=2')).json()) as { items: { kind: string; model: string }[] }
  expect(items.map(({ kind, model }) => `${kind} ${model}`)).toEqual([`apply_mask ${HD}`, `encode ${HD}`])
})

test('a model that the server lacks is refused, and the image stays open', async ({ page }) => {
  await page.route('**/api/segment/encode', (route) => {
    const asked = route.request().postData() ?? ''
    return asked.includes(HD) ? route.continue({ postData: asked.replace(HD, 'sam2.1-hiera-tiny') }) : route.continue()
  })
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await editor.click(330, 200)
  const hd = page.getByRole('switch', { name: /HD model/ })
  await hd.click()
  await expect(page.getByRole('alert')).toContainText('not installed on the server')
  await expect(hd).not.toBeChecked()
  await editor.click(60, 60, 'right')
  await editor.expectMarks(2)
})

/** Bytes from the network for the runtime and the weights. Files of the Cache API are asked for nowhere. */
async function weightsLoaded(page: Page): Promise<number> {
  const worker = page.workers().find((one) => /\/worker-/.test(one.url()))
  if (!worker) throw new Error('no inference worker')
  return worker.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => /\.wasm|\/models\/files\//.test(name))
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
  )
}

test('a second visit loads no weights', async ({ page }) => {
  const engine = page.locator('.co-engine i[data-on=true]')
  const editor = await new Editor(page).goto()
  await expect(engine).toBeVisible()
  expect(await weightsLoaded(page)).toBeGreaterThan(2_000_000)
  await editor.goto()
  await expect(engine).toBeVisible()
  expect(await weightsLoaded(page)).toBe(0)
})
