/** The editor as a person uses it; every coordinate is ImageSpace. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type Download, type Locator, type Page } from '@playwright/test'

/** What a browser adds where the test asks in the page's stead: changes by a cookie are refused without. */
export const FROM_PAGE = { Origin: process.env['E2E_ORIGIN'] ?? '' }
export const PAGE = '/process/background-removal-v2'
const DATA = new URL('../../tests/data/', import.meta.url)

export const photo = (name: string): string => new URL(`photos/${name}.jpg`, DATA).pathname
export const referenceMask = (name: string): Buffer => readFileSync(new URL(`masks/${name}.png`, DATA))

/** A picture that a Python script draws into the file it is given. */
export function drawn(name: string, script: string): string {
  const path = join(process.env['E2E_DATA'] ?? '.', name)
  const python = process.env['E2E_PYTHON'] ?? new URL('../../.venv/bin/python', import.meta.url).pathname
  execFileSync(python, ['-c', script, path])
  return path
}

/** A disc on 100 megapixels, which no browser could hold as a canvas on a phone. */
export const hugePhoto = (): string => drawn('huge.jpg', `
import sys
from PIL import Image, ImageDraw
image = Image.new("RGB", (10_000, 10_000), (60, 120, 200))
ImageDraw.Draw(image).ellipse((2_500, 2_500, 7_500, 7_500), (220, 90, 40))
image.save(sys.argv[1], quality=80)
`)

/** A disc in noise, of 7 MB and more. */
export const heavyPhoto = (): string => drawn('heavy.jpg', `
import sys
import numpy as np
from PIL import Image, ImageDraw
image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), np.uint8))
ImageDraw.Draw(image).ellipse((500, 300, 1500, 1300), (220, 90, 40))
image.save(sys.argv[1], quality=95, subsampling=0)
assert 6_500_000 < open(sys.argv[1], "rb").seek(0, 2) < 12_000_000
`)

export class Editor {
  readonly marks: Locator
  readonly preview: Locator
  size = { width: 0, height: 0 }

  constructor(readonly page: Page) {
    this.marks = page.locator('.co-marks')
    this.preview = page.locator('.co-preview')
  }

  async goto(): Promise<this> {
    await this.page.goto(PAGE)
    return this
  }

  async choose(...paths: string[]): Promise<this> {
    await this.page.locator('input[type=file][multiple]').setInputFiles(paths)
    return this
  }

  /** A photo on screen with its proposal, and an engine that can answer. */
  async open(path: string): Promise<this> {
    await this.choose(path)
    return this.ready()
  }

  async ready(): Promise<this> {
    await expect(this.page.locator('.co-engine i[data-on=true]')).toBeVisible()
    await this.settled()
    return this.measure()
  }

  /** Reads the newest image's size. */
  async measure(): Promise<this> {
    const response = await this.page.request.get('/api/images?limit=1')
    const { items } = (await response.json()) as { items: { width: number; height: number }[] }
    this.size = items[0] ?? this.size
    return this
  }

  /** Resolves when the mask on screen belongs to the marks. */
  async settled(): Promise<this> {
    await expect(this.marks).toHaveAttribute('aria-busy', 'false')
    return this
  }

  /** Where an image point is on the page. */
  async at(x: number, y: number): Promise<{ x: number; y: number }> {
    const box = await this.marks.boundingBox()
    if (!box) throw new Error('the image is not on screen')
    const zoom = Math.min((box.width - 48) / this.size.width, (box.height - 48) / this.size.height, 4)
    return {
      x: box.x + (box.width - this.size.width * zoom) / 2 + x * zoom,
      y: box.y + (box.height - this.size.height * zoom) / 2 + y * zoom,
    }
  }

  async click(x: number, y: number, button: 'left' | 'right' = 'left'): Promise<this> {
    const p = await this.at(x, y)
    await this.page.mouse.click(p.x, p.y, { button })
    return this.settled()
  }

  async drag(...path: readonly (readonly [number, number])[]): Promise<this> {
    const [first, ...rest] = await Promise.all(path.map(([x, y]) => this.at(x, y)))
    if (!first) throw new Error('a drag needs a path')
    await this.page.mouse.move(first.x, first.y)
    await this.page.mouse.down()
    for (const p of rest) await this.page.mouse.move(p.x, p.y, { steps: 8 })
    await this.page.mouse.up()
    return this.settled()
  }

  async tool(name: string): Promise<this> {
    await this.page.getByRole('toolbar').getByRole('button', { name, exact: true }).click()
    return this
  }

  async hair(choice: 'Auto' | 'Strong' | 'Off'): Promise<this> {
    const group = this.page.getByRole('group', { name: 'Hair and fur' })
    await group.getByRole('radio', { name: choice }).check({ force: true })
    return this
  }

  async apply(): Promise<Download> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.page.getByRole('button', { name: 'Download cutout' }).click(),
    ])
    return download
  }

  async expectMarks(count: number): Promise<this> {
    await expect(this.marks).toHaveAttribute('data-marks', String(count))
    return this
  }
}
