/** Signing in, and what one does with an account. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, type Page } from '@playwright/test'
import { test, type House } from './accounts'
import { expectAccessible, picture } from './axe'
import { PAGE, photo } from './editor'

async function signIn(page: Page, house: House, to = '/account'): Promise<void> {
  await page.goto(`${house.url}${to}`)
  await expect(page).toHaveURL(/\/sign-in\?next=/)
  await page.getByLabel('E-mail address').fill(house.email)
  await page.getByLabel('Password').fill(house.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page).toHaveURL(`${house.url}${to}`)
}

const card = (page: Page, name: string): ReturnType<Page['getByRole']> => page.getByRole('region', { name, exact: true })

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** As a program calls: by curl, or where a machine has none by Node. */
async function call(house: House, path: string, key: string, form: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const url = `${house.url}${path}`
  const parts = Object.entries(form)
  if (spawnSync('curl', ['--version']).error === undefined) {
    const more = parts.flatMap(([name, file]) => ['-F', `${name}=@${file}`])
    const out = execFileSync('curl', ['-sS', '-w', '\n%{http_code}', '-H', `X-Api-Key: ${key}`, '-H', 'Prefer: wait=60', ...more, url], { encoding: 'utf8' })
    const cut = out.lastIndexOf('\n')
    return { status: Number(out.slice(cut)), body: JSON.parse(out.slice(0, cut)) as Answer['body'] }
  }
  const body = new FormData()
  for (const [name, file] of parts) body.set(name, new Blob([readFileSync(file)]), name)
  const headers = { 'X-Api-Key': key, Prefer: 'wait=60' }
  const answer = await fetch(url, { headers, ...(parts.length > 0 && { method: 'POST', body }) })
  return { status: answer.status, body: (await answer.json()) as Answer['body'] }
}

test('sign in, make a key, use it with curl, see the usage, revoke it: 401', async ({ page, house }) => {
  await page.goto(`${house.url}/sign-in`)
  await page.getByLabel('E-mail address').fill(house.email)
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toContainText('The e-mail address or the password is wrong')
  await signIn(page, house)
  await expect(card(page, 'Credits')).toContainText('10')
  await expect(card(page, 'Usage')).toContainText('No cutouts in this time.')

  const keys = card(page, 'API keys')
  await keys.getByLabel('Name').fill('till 3')
  await keys.getByLabel('Expires').selectOption('In 90 days')
  await keys.getByRole('button', { name: 'Create a key' }).click()
  const shown = keys.getByLabel('Copy the key now')
  await expect(shown).toBeFocused()
  const key = await shown.inputValue()
  expect(key).toMatch(/^cut_\w{28}$/)
  await keys.getByRole('button', { name: 'Done' }).click()
  await expect(keys).not.toContainText(key)
  await expect(keys.getByRole('row', { name: /till 3/ })).toContainText('read, write')

  const made = await call(house, '/api/segment/remove', key, { image: photo('coffee') })
  expect([made.status, made.body['status']]).toEqual([200, 'succeeded'])

  await page.reload()
  await expect(card(page, 'Usage').getByRole('row', { name: /sam2/ }).first()).toContainText('0.5')
  await expect(card(page, 'Credits')).toContainText('9.5')
  const [statement] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Statement (CSV)' }).click()])
  expect(readFileSync(await statement.path(), 'utf8')).toContain('grant')

  page.once('dialog', (dialog) => void dialog.dismiss())
  await keys.getByRole('button', { name: 'Revoke: till 3' }).click()
  expect((await call(house, '/api/account', key)).status).toBe(200)
  page.once('dialog', (dialog) => void dialog.accept())
  await keys.getByRole('button', { name: 'Revoke: till 3' }).click()
  await expect(keys.getByRole('row', { name: /till 3/ })).toContainText('revoked')
  const refused = await call(house, '/api/account', key)
  expect([refused.status, refused.body['code']]).toEqual([401, 'key_refused'])
})

test('endpoints and deliveries: add, test, inspect, send again, switch off, delete', async ({ page, house }) => {
  await signIn(page, house)
  const webhooks = card(page, 'Webhooks')
  const deliveries = card(page, 'Deliveries')
  const failed = deliveries.getByRole('row', { name: /webhook\.test .*old\.example/ })
  await failed.getByRole('button', { name: /Send again/ }).click()
  await expect(failed).toContainText('on its way')

  await webhooks.getByLabel('Address').fill('https://new.example/cutout')
  await webhooks.getByLabel('cancelation').uncheck()
  await webhooks.getByRole('button', { name: 'Add an endpoint' }).click()
  await expect(webhooks.getByLabel('Copy the secret now')).toHaveValue(/^whsec_/)
  await webhooks.getByRole('button', { name: 'Done' }).click()
  const row = webhooks.getByRole('row', { name: /new\.example/ })
  await expect(row).toContainText('success, failure')
  await row.getByRole('button', { name: /Send a test/ }).click()
  await deliveries.getByRole('row', { name: /new\.example/ }).getByRole('button', { name: /Inspect/ }).click()
  await expect(page.getByRole('dialog')).toContainText('webhook.test')
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await row.getByRole('button', { name: /Switch off/ }).click()
  await expect(row.getByRole('cell', { name: 'off', exact: true })).toBeVisible()
  page.once('dialog', (dialog) => void dialog.accept())
  await row.getByRole('button', { name: /Delete/ }).click()
  await expect(row).toHaveCount(0)
})

test('what the account says is what the editor starts with', async ({ page, house }) => {
  await signIn(page, house)
  const defaults = card(page, 'Defaults')
  await defaults.getByLabel('Format').selectOption('WebP')
  await defaults.getByLabel('Background').selectOption('White')
  await defaults.getByRole('button', { name: 'Save' }).click()
  await expect(defaults.getByText('Saved.')).toBeVisible()
  await page.goto(`${house.url}${PAGE}`)
  await page.locator('input[type=file][multiple]').setInputFiles(photo('coffee'))
  await expect(page.getByRole('radio', { name: 'WebP' })).toBeChecked()
  await expect(page.getByRole('combobox', { name: 'Background' })).toHaveValue('white')
})

test('signing out in one tab ends the other one', async ({ context, house }) => {
  const [one, other, editor] = [await context.newPage(), await context.newPage(), await context.newPage()]
  await signIn(one, house)
  await other.goto(`${house.url}/account`)
  await editor.goto(`${house.url}${PAGE}`)
  await expect(other.getByRole('button', { name: 'Sign out' })).toBeVisible()
  await expect(editor.getByRole('link', { name: 'Account' })).toBeVisible()
  await one.getByRole('button', { name: 'Sign out' }).click()
  await expect(one).toHaveURL(/\/sign-in/)
  await expect(other).toHaveURL(/\/sign-in/)
  await expect(editor.getByRole('alert')).toContainText('You are signed out') // and stays: its marks are not lost
  expect((await one.request.get(`${house.url}/api/account`)).status()).toBe(401)
  await editor.getByRole('link', { name: 'Sign in' }).click()
  await expect(editor).toHaveURL(/\/sign-in\?next=%2Fprocess/)
})

for (const [name, size, scheme] of [
  ['light', { width: 1280, height: 900 }, 'light'],
  ['dark', { width: 1280, height: 900 }, 'dark'],
  ['phone', { width: 390, height: 844 }, 'light'],
  ['phone-dark', { width: 390, height: 844 }, 'dark'],
] as const) {
  test(`looks, ${name}`, async ({ browser, house }) => {
    const page = await browser.newPage({ colorScheme: scheme, viewport: size })
    await page.goto(`${house.url}/account`)
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
    await expectAccessible(page)
    await picture(page, `sign-in-${name}`)
    await signIn(page, house)
    await expect(card(page, 'Usage').getByText('Cutouts').first()).toBeVisible()
    await expect(card(page, 'Deliveries').getByRole('row')).not.toHaveCount(0)
    await expect(card(page, 'API keys').getByRole('button', { name: 'Create a key' })).toBeVisible()
    await expect(card(page, 'Defaults').getByRole('button', { name: 'Save' })).toBeVisible()
    await expectAccessible(page)
    await picture(page, `account-${name}`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(size.width)
    await page.close()
  })
}

test('under `cutout dev` nobody signs in', async ({ page }) => {
  await page.goto('/sign-in')
  await expect(page.getByRole('main')).toContainText('needs no sign-in')
  await expectAccessible(page)
  await page.getByRole('link', { name: 'Open the account' }).click()
  await expect(card(page, 'Credits')).toContainText('Unmetered')
  await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0)
  await page.getByRole('link', { name: 'Editor' }).click()
  await expect(page.getByRole('button', { name: 'Choose photos' })).toBeVisible()
})
