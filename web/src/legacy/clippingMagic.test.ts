import { describe, expect, test, vi } from 'vitest'
import { BrowserLacks, edit, load, ScriptMissing, type ClippingMagic } from './clippingMagic'

const IMAGE = { id: 7, secret: 's', api_id: 17, script: 'https://magic.example/ClippingMagic.js' }

/** A page whose script loads, or not. */
function page(comes: 'yes' | 'no' | 'never' | 'something else', magic: Partial<ClippingMagic> = {}): Document {
  const view: { ClippingMagic?: Partial<ClippingMagic> } = {}
  const append = (script: { onload: () => void; onerror: () => void }): void => {
    if (comes === 'yes') view.ClippingMagic = { initialize: () => [], ...magic }
    if (comes === 'no') script.onerror()
    else if (comes !== 'never') script.onload()
  }
  return { defaultView: view, head: { append }, createElement: () => ({ remove: vi.fn() }) } as unknown as Document
}

function popups(opens: boolean): Window {
  return { open: () => (opens ? {} : null) } as unknown as Window
}

/** Opens its popup and then says so. */
function magic(win: Window, ...told: Parameters<Parameters<ClippingMagic['edit']>[1]>[0][]): ClippingMagic {
  return {
    initialize: () => [],
    edit: (_options, tell) => {
      win.open('https://magic.example/editor')
      told.forEach(tell)
    },
  }
}

describe('the script', () => {
  test('is loaded and initialized with our id', async () => {
    const initialize = vi.fn(() => [])
    await load(IMAGE, page('yes', { initialize }))
    expect(initialize).toHaveBeenCalledWith({ apiId: 17 })
  })

  test.each(['no', 'never', 'something else'] as const)('is missing: %s', async (comes) => {
    await expect(load(IMAGE, page(comes), 1)).rejects.toBeInstanceOf(ScriptMissing)
  })

  test('says what the browser lacks', async () => {
    const lacking = page('yes', { initialize: () => ['canvas', 'blobs'] })
    await expect(load(IMAGE, lacking)).rejects.toThrow(new BrowserLacks('canvas; blobs'))
  })
})

describe('the popup', () => {
  test.each([
    ['done', { event: 'result-generated', image: { id: 7 } }],
    ['left', { event: 'editor-exit' }],
    ['failed', { event: 'error', error: { message: 'it broke' } }],
  ] as const)('ends as %s', async (outcome, told) => {
    const win = popups(true)
    expect(await edit(magic(win, told), IMAGE, win)).toBe(outcome)
  })

  test('is blocked, said or not', async () => {
    const win = popups(false)
    expect(await edit(magic(win), IMAGE, win)).toBe('blocked')
    expect(await edit(magic(win, { event: 'error', error: {} }), IMAGE, win)).toBe('blocked')
  })

  test('a script that throws', async () => {
    const broken = { initialize: () => [], edit: () => { throw new Error('not initialized') } }
    expect(await edit(broken, IMAGE, popups(true))).toBe('failed')
  })
})
