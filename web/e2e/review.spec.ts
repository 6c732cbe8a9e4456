import { readFileSync } from 'node:fs'
import { expect, test, type Page } from '@playwright/test'
import { Editor, FROM_PAGE, PAGE, photo } from './editor'

interface Batch {
  readonly id: string
  readonly finished_at: string | null
  readonly urls: { readonly self: string; readonly items: string }
}

interface Item {
  readonly name: string
  readonly confidence: number
  readonly job_id: string
  readonly reviewed_at: string | null
}

async function batchOf(page: Page, names: readonly string[]): Promise<Batch> {
  const form = new FormData()
  for (const name of names) form.append('image', new Blob([readFileSync(photo(name))]), `${name}.jpg`)
  const made = (await (await page.request.post('/api/batches', { multipart: form, headers: FROM_PAGE })).json()) as Batch
  await expect.poll(async () => ((await (await page.request.get(made.urls.self)).json()) as Batch).finished_at).not.toBeNull()
  return made
}

async function itemsOf(page: Page, batch: Batch): Promise<readonly Item[]> {
  const answer = await page.request.get(`${batch.urls.items}?order=confidence`)
  return ((await answer.json()) as { items: Item[] }).items
}

test('a batch is looked through, the least confident first', async ({ page }) => {
  const batch = await batchOf(page, ['coffee', 'cat'])
  const before = await itemsOf(page, batch)
  await page.goto(`${PAGE}?batch=${batch.id}`)
  const editor = await new Editor(page).ready()
  const heading = page.getByRole('heading', { level: 1 })
  await expect(heading).toHaveText(before[0]?.name ?? '')
  await page.keyboard.press('a')
  await expect(heading).toHaveText(before[1]?.name ?? '')
  await editor.ready()
  await editor.click(60, 60, 'right')
  await page.getByRole('button', { name: 'Save and go on' }).click()
  await expect(heading).toContainText('has been looked at')

  const after = await itemsOf(page, batch)
  expect(after.map(({ reviewed_at }) => reviewed_at !== null)).toEqual([true, true])
  expect(after.map(({ job_id }, i) => job_id === before[i]?.job_id)).toEqual([true, false])
})
