import { expect, test } from 'vitest'
import { DEFAULT_OPTIONS } from '../api/options'
import { DEFAULT_SETTINGS, HD_MODEL, loadSettings, modelOf, taking } from './settings'

const account = { model: 'lite', options: { ...DEFAULT_OPTIONS, format: 'webp', background: '#FFFFFF' }, changed_at: '2026-01-01T00:00:00Z', models: [] } as const

test('an account that says nothing changes nothing', () => {
  expect(taking(DEFAULT_SETTINGS, { ...account, changed_at: null })).toBe(DEFAULT_SETTINGS)
})

test('what the account says counts once; what is chosen here afterwards stays', () => {
  const taken = taking(DEFAULT_SETTINGS, account)
  expect(taken).toMatchObject({ model: 'lite', hd: false, backdrop: 'option', options: { format: 'webp', background: '#FFFFFF' } })
  const chosen = { ...taken, options: { ...taken.options, format: 'jpg' as const } }
  expect(taking(chosen, account)).toBe(chosen)
  expect(taking(chosen, { ...account, changed_at: 'later' }).options.format).toBe('webp')
})

test('the HD model is a switch here', () => {
  const taken = taking(DEFAULT_SETTINGS, { ...account, model: HD_MODEL })
  expect([taken.hd, modelOf(taken), modelOf({ ...taken, hd: false })]).toEqual([true, HD_MODEL, 'auto'])
})

test('what was saved before there were these settings is still read', () => {
  const old = { getItem: () => JSON.stringify({ options: { ...DEFAULT_OPTIONS, dpi: 72 }, backdrop: 'black', hd: true }) }
  expect(loadSettings(old)).toMatchObject({ options: { dpi: 72 }, backdrop: 'black', hd: true, model: 'auto', taken: null })
})
