/** What breaks, breaks in the open: the message says what to do, and no mark is lost. */
import { expect, test, type Page } from '@playwright/test'
import { Editor, heavyPhoto, hugePhoto, photo } from './editor'

const inference = (page: Page): ReturnType<Page['workers']>[number] | undefined =>
  page.workers().find((worker) => /\/worker-/.test(worker.url()))

test('the worker is killed in the middle of a decode', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  const worker = inference(page)
  expect(worker).toBeDefined()
  // It dies with the question in its hands: no answer, no error, as when the system takes its memory.
  await worker?.evaluate(() => {
    const die = (event: Event): void => {
      event.stopImmediatePropagation()
      self.close()
    }
    self.addEventListener('message', die, { capture: true })
  })
  await editor.click(330, 200)
  await editor.expectMarks(1)
  await expect.poll(() => worker && page.workers().includes(worker)).toBe(false)
  await editor.click(60, 60, 'right')
  await editor.expectMarks(2)
  await expect(page.locator('.co-engine')).toHaveAttribute('data-engine', /wasm/) // a worker again, not the server
})

test('the network is cut while the photo is encoded', async ({ page, context }) => {
  const editor = await new Editor(page).goto()
  const posted = page.waitForResponse('**/api/segment/encode')
  await editor.choose(photo('camera')) // not in the store yet: what is there is not encoded again
  await posted
  await context.setOffline(true)
  // Which of the two depends on what the cut meets: the events of the encode or the files that follow.
  await expect(page.locator('.co-stage')).toContainText(/Connection lost|You are offline/)
  await context.setOffline(false)
  await editor.ready()
  await expect(editor.preview).toBeVisible()
})

test('the upload fails offline and goes on when the network is back', async ({ page, context }) => {
  const editor = await new Editor(page).goto()
  await context.setOffline(true)
  await editor.choose(photo('coffee'))
  await expect(page.getByRole('alert')).toContainText('You are offline')
  await expect(page.getByRole('button', { name: 'Try again', exact: true })).toBeVisible()
  await context.setOffline(false)
  await editor.ready()
})

test('a heavy photo goes to the store itself, and through the web server where the store cannot be reached', async ({ page }) => {
  const editor = await new Editor(page).goto()
  const photo = heavyPhoto()
  const sent: string[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (request.method() === 'PUT') sent.push('store')
    else if (pathname === '/api/segment/encode') sent.push(request.headers()['content-type']?.split(';')[0] ?? '')
  })
  await editor.open(photo)
  expect(sent).toEqual(['store', 'application/json'])
  await page.route(/upload/, (route) => (route.request().method() === 'PUT' ? route.abort() : route.fallback()))
  await editor.choose(photo)
  await expect(page.locator('.co-frame[data-step=ready]')).toHaveCount(2)
  expect(sent.slice(2)).toEqual(['store', 'multipart/form-data'])
})

test('the image data has expired: prepared again on request, marks kept', async ({ page }) => {
  const editor = await new Editor(page).goto()
  await page.route('**/embedding?*', (route) => route.fulfill({ status: 404, body: '' }), { times: 1 })
  await editor.choose(photo('coffee'))
  await expect(page.getByRole('alert')).toContainText('Try again')
  await editor.measure()
  const p = await editor.at(330, 200)
  await page.mouse.click(p.x, p.y)
  await editor.expectMarks(1)
  await page.getByRole('button', { name: 'Try again', exact: true }).click()
  await editor.ready()
  await editor.expectMarks(1)
})

test('no WASM and no WebGPU: the server decodes, and the status line says so', async ({ page }) => {
  await page.route('**/*.wasm', (route) => route.abort())
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await expect(page.locator('.co-engine')).toHaveAttribute('data-engine', 'server')
  await editor.click(330, 200)
  await expect(page.locator('.co-status')).toContainText('Server')
  await editor.expectMarks(1)
})

test('a reload loses neither marks nor undo', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  await editor.click(330, 200)
  await editor.click(60, 60, 'right')
  await page.keyboard.press('Control+z')
  await page.reload()
  await page.getByRole('button', { name: 'History' }).click()
  await page.getByRole('dialog').getByRole('button', { name: /coffee\.jpg \d/ }).first().click()
  await editor.ready()
  await editor.expectMarks(1)
  await page.keyboard.press('Control+Shift+z')
  await editor.expectMarks(2)
})

test('what is not a photo is refused by name, the others go on', async ({ page }) => {
  const editor = await new Editor(page).goto()
  await page.locator('input[type=file][multiple]').setInputFiles([
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
    { name: 'lies.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not a JPEG at all') },
  ])
  await expect(page.getByRole('alert').filter({ hasText: 'notes.txt' })).toContainText('not a picture')
  await expect(page.getByRole('alert').filter({ hasText: 'not_an_image' }).last()).toBeVisible()
  await editor.choose(photo('cat'))
  await page.getByRole('button', { name: /^cat\.jpg/ }).click()
  await editor.ready()
})

test('thirty files at once keep the page usable', async ({ page }) => {
  const editor = await new Editor(page).goto()
  await editor.choose(...Array<string>(30).fill(photo('cat')))
  await expect(page.getByRole('listitem')).toHaveCount(30)
  await editor.ready()
  await editor.click(200, 150)
  await editor.expectMarks(1)
})

test('the browser has no room left: the photo is edited all the same', async ({ page }) => {
  const editor = new Editor(page)
  const devtools = await page.context().newCDPSession(page)
  await editor.goto()
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 1000 })
  await editor.open(photo('coffee'))
  await editor.click(330, 200)
  await editor.expectMarks(1)
  await expect(page.locator('.co-engine')).toHaveAttribute('data-engine', /wasm/)
  await expect(page.locator('.co-status')).toContainText('not being saved')
})

test('a photo of 100 megapixels on a phone: the working image is edited', async ({ browser, baseURL }) => {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 3, ...(baseURL ? { baseURL } : {}) })
  const editor = await (await new Editor(page).goto()).open(hugePhoto())
  expect(editor.size).toMatchObject({ width: 10_000, height: 10_000 })
  const p = await editor.at(5000, 5000)
  await page.touchscreen.tap(p.x, p.y)
  await editor.expectMarks(1)
  await editor.settled()
  await expect(page.getByRole('alert')).toHaveCount(0)
  await page.close()
})
