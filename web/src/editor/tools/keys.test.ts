import { describe, expect, it } from 'vitest'
import { meaningOf, type KeyPress } from './keys'
import { openStage } from './stage'

const stage = openStage({ width: 100, height: 100 }, { width: 100, height: 100 }, () => 'id')
const press = (key: string, held: Partial<KeyPress> = {}): ReturnType<typeof meaningOf> =>
  meaningOf({ key, command: false, shift: false, alt: false, repeat: false, ...held }, stage)

describe('keys', () => {
  it('undoes and redoes', () => {
    expect(press('z', { command: true })).toEqual({ kind: 'stage', event: { type: 'undo' } })
    expect(press('Z', { command: true, shift: true })).toEqual({ kind: 'stage', event: { type: 'redo' } })
    expect(press('y', { command: true })).toEqual({ kind: 'stage', event: { type: 'redo' } })
  })

  it('chooses tools, whatever the case', () => {
    expect(press('b')).toEqual(press('B'))
    expect(press('m')).toEqual({ kind: 'stage', event: { type: 'tool', tool: 'box' } })
  })

  it('asks for another size of a click', () => {
    expect(press('t')).toEqual({ kind: 'stage', event: { type: 'rescale' } })
  })

  it('Enter applies, unless the cross-hair asks for a mark', () => {
    expect(press('Enter')).toEqual({ kind: 'page', command: 'apply' })
    const shown = { ...stage, crosshair: { x: 1, y: 1 } }
    expect(meaningOf({ key: 'Enter', command: false, shift: false, alt: false, repeat: false }, shown)).toEqual({ kind: 'stage', event: { type: 'place' } })
  })

  it('takes a key held down for one press, where each press counts', () => {
    for (const key of ['f', 'F', 'a']) expect([press(key)?.kind, press(key, { repeat: true })]).toEqual(['page', null])
    expect(press('ArrowLeft', { repeat: true })).toEqual(press('ArrowLeft'))
  })

  it('leaves the browser its own shortcuts', () => {
    expect(press('r', { command: true })).toBeNull()
    expect(press('k', { alt: true })).toBeNull()
    expect(press('Tab')).toBeNull()
  })
})
