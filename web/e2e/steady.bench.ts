/**
 * Does the page stay responsive, and its memory level? Long tasks of the main thread while marks are decoded; memory of page and
 * workers after 100 clicks and 10 images beside those after 5 and 1. Run: npm run bench.
 */
import { readFileSync } from 'node:fs'
import { test, type Page } from '@playwright/test'
import { Editor, photo } from './editor'

const CLICKS = 100
const IMAGES = 10

/** Resident memory of the page's process, workers, WASM and bitmaps included, once it has stopped to shrink (Linux). */
async function megabytes(page: Page): Promise<number> {
  const browser = page.context().browser()
  if (!browser) throw new Error('no browser')
  const system = await browser.newBrowserCDPSession()
  const devtools = await page.context().newCDPSession(page)
  let least = Infinity
  for (let i = 0; i < 8; i++) {
    await devtools.send('HeapProfiler.collectGarbage')
    await page.waitForTimeout(500)
    const { processInfo } = await system.send('SystemInfo.getProcessInfo')
    const resident = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => residentMb(id))
    least = Math.min(least, resident.reduce((sum, mb) => sum + mb, 0))
  }
  await system.detach()
  await devtools.detach()
  return least
}

const residentMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1024

async function watchLongTasks(page: Page): Promise<() => Promise<readonly number[]>> {
  await page.evaluate(() => {
    const tasks: number[] = []
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
    Object.assign(globalThis, { tasks })
  })
  return () => page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
}

/** A click somewhere on the subject, taken back: the document stays as large as it was. */
async function clickAndBack(editor: Editor, i: number): Promise<void> {
  await editor.click(editor.size.width * (0.3 + 0.004 * (i % CLICKS)), editor.size.height * 0.5)
  await editor.page.keyboard.press('Control+z')
  await editor.settled()
}

test('clicks', async ({ page }) => {
  const editor = await (await new Editor(page).goto()).open(photo('coffee'))
  for (let i = 0; i < 5; i++) await clickAndBack(editor, i)
  const before = await megabytes(page)
  const tasks = await watchLongTasks(page)
  for (let i = 5; i < CLICKS; i++) await clickAndBack(editor, i)
  const long = await tasks()
  const after = await megabytes(page)
  console.log(`main thread: ${long.length} tasks over 50 ms in ${CLICKS - 5} clicks${long.length ? `, longest ${Math.max(...long)} ms` : ''}`)
  console.log(`memory: ${before.toFixed(1)} MB after 5 clicks, ${after.toFixed(1)} MB after ${CLICKS} (${(after / before).toFixed(3)}x)`)
})

test('images', async ({ page }) => {
  const editor = await new Editor(page).goto()
  const names = ['coffee', 'cat', 'astronaut', 'rocket', 'retina']
  let first = NaN
  for (let i = 0; i < IMAGES; i++) {
    await editor.choose(photo(names[i % names.length] ?? 'cat'))
    if (i > 0) await page.getByRole('listitem').last().getByRole('button').first().click()
    await editor.ready()
    for (let k = 0; k < 3; k++) await clickAndBack(editor, 30 * k)
    if (i === 4) first = await megabytes(page)
  }
  const after = await megabytes(page)
  console.log(`memory: ${first.toFixed(1)} MB after 5 images, ${after.toFixed(1)} MB after ${IMAGES} (${(after / first).toFixed(3)}x)`)
})
