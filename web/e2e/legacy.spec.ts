/** One account between two engines: the flag, the switch in the middle of an edit, and what can go wrong at ClippingMagic. */
import { expect, test, type Page } from '@playwright/test'
import { Editor, FROM_PAGE, photo } from './editor'

const ROUTED = '/process/background-removal'
const OFF = { percentage: 0, kill: false }

async function rules(page: Page, changes: object): Promise<void> {
  const answer = await page.request.patch('/api/admin/flags/sam2_editor', { data: changes, headers: FROM_PAGE })
  expect(answer.ok()).toBe(true)
}

async function choose(page: Page): Promise<void> {
  await page.locator('input[type=file]').setInputFiles(photo('coffee'))
}

/** The button in the popup of the stand-in. */
async function inPopup(page: Page, name: string): Promise<void> {
  const popup = page.waitForEvent('popup')
  await page.getByRole('button', { name: 'Edit in ClippingMagic' }).click()
  await (await popup).getByRole('button', { name }).click()
}

interface Listed { readonly items: readonly { readonly kind: string; readonly engine: string; readonly status: string }[] }

async function newest(page: Page): Promise<Listed['items'][number] | undefined> {
  const answer = await page.request.get('/api/jobs?limit=1')
  return ((await answer.json()) as Listed).items[0]
}

test.beforeEach(({ page }) => rules(page, OFF))
test.afterAll(async ({ browser }) => {
  const page = await browser.newPage()
  await rules(page, OFF)
  await page.close()
})

test('flag off: the legacy editor, and its cutout in the history; flag on: the new editor', async ({ page }) => {
  await page.goto(ROUTED)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
  await choose(page)
  await inPopup(page, 'Done')
  await expect(page.getByRole('link', { name: 'Download cutout' })).toBeVisible()
  expect(await newest(page)).toMatchObject({ kind: 'legacy_fetch', engine: 'clippingmagic', status: 'succeeded' })

  await rules(page, { percentage: 100 })
  await page.getByRole('button', { name: 'Another photo' }).click()
  await expect(page.locator('.co-editor')).toBeVisible()
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  await page.getByRole('button', { name: 'History' }).click()
  await expect(page.getByText('coffee.jpg').first()).toBeVisible()
})

test('the kill switch in the middle of an edit: it ends where it began, the next begins on legacy', async ({ page }) => {
  await rules(page, { percentage: 100 })
  await page.goto(ROUTED)
  const editor = await new Editor(page).open(photo('coffee'))
  await rules(page, { kill: true })
  await editor.click(330, 200)
  const download = await editor.apply()
  expect(download.suggestedFilename()).toBe('coffee-cutout.png')
  expect(await newest(page)).toMatchObject({ kind: 'apply_mask', engine: 'sam2', status: 'succeeded' })
  await page.goto(ROUTED)
  await expect(page.getByText('Choose a photo')).toBeVisible()
})

test('a hard photo is sent to ClippingMagic from the new editor, after a question', async ({ page, context }) => {
  await rules(page, { percentage: 100 })
  await page.goto(ROUTED)
  await new Editor(page).open(photo('cat'))
  const opened = context.waitForEvent('page')
  await page.getByRole('link', { name: 'Send to ClippingMagic' }).click()
  const legacy = await opened
  await legacy.getByLabel('What is hard about it?').fill('whiskers')
  await legacy.getByRole('button', { name: 'Send, 1 credit' }).click()
  await inPopup(legacy, 'Done')
  await expect(legacy.getByRole('link', { name: 'Download cutout' })).toBeVisible()
  expect(await newest(page)).toMatchObject({ kind: 'legacy_fetch', engine: 'clippingmagic', engine_reason: 'asked' })
})

test('a popup that is left, that fails, that is blocked', async ({ page }) => {
  await page.goto(ROUTED)
  await choose(page)
  await inPopup(page, 'Cancel')
  await expect(page.getByRole('status')).toContainText('Nothing was charged')
  await inPopup(page, 'Fail')
  await expect(page.getByRole('status')).toContainText('could not edit')
  await page.evaluate(() => { window.open = () => null })
  await page.getByRole('button', { name: 'Edit in ClippingMagic' }).click()
  await expect(page.getByRole('status')).toContainText('Allow popups')
})

test('a script that does not come is asked for again', async ({ page }) => {
  await page.route('**/ClippingMagic.js', (route) => route.abort())
  await page.goto(ROUTED)
  await choose(page)
  await expect(page.getByRole('status')).toContainText('cannot be loaded')
  await page.unroute('**/ClippingMagic.js')
  await page.getByRole('button', { name: 'Try again' }).click()
  await inPopup(page, 'Done')
  await expect(page.getByRole('link', { name: 'Download cutout' })).toBeVisible()
})
