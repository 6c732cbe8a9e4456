import { describe, expect, it } from 'vitest'
import { doubtful, nextToPrepare, refusalOf, resultName, uniqueNames, type FileEntry, type Step } from './files'
import { zip } from './zip'

const entry = (id: string, at: Step['at']): FileEntry => ({ id, step: { at } }) as FileEntry

describe('files', () => {
  it.each([
    ['photo.jpg', 'image/jpeg', 10, null],
    ['photo.heic', '', 10, null], // browsers know no type for it
    ['notes.txt', 'text/plain', 10, 'not_an_image'],
    ['empty.png', 'image/png', 0, 'empty_file'],
  ])('%s', (name, type, bytes, refusal) => {
    expect(refusalOf(new File([new Uint8Array(bytes)], name, { type }))).toBe(refusal)
  })

  it.each([
    ['ready', 0.4, true],
    ['ready', 0.9, false],
    ['ready', null, true], // no subject was found
    ['done', 0.4, false],
  ] as const)('%s with an expected IoU of %d: doubtful %s', (at, score, expected) => {
    const prepared = { encoded: { auto: score === null ? null : { score } } } as FileEntry['prepared']
    expect(doubtful({ step: { at }, prepared })).toBe(expected)
    expect(doubtful({ step: { at }, prepared: null })).toBe(false)
  })

  it('names results after their photos', () => {
    expect(resultName('a.b.JPG', 'png')).toBe('a.b-cutout.png')
    expect(resultName('.jpg', 'webp', '')).toBe('image.webp')
    expect(uniqueNames(['a.png', 'A.png', 'b.png', 'a.png'])).toEqual(['a.png', 'A (2).png', 'b.png', 'a (3).png'])
  })

  it('prepares the open file first, then those after it, two at once', () => {
    const entries = ['a', 'b', 'c', 'd'].map((id) => entry(id, 'waiting'))
    expect(nextToPrepare(entries, 'c', 2).map(({ id }) => id)).toEqual(['c', 'd'])
    expect(nextToPrepare([entry('a', 'encoding'), ...entries.slice(1)], 'a', 2).map(({ id }) => id)).toEqual(['b'])
    expect(nextToPrepare([entry('a', 'failed'), entry('b', 'done')], 'a', 2)).toEqual([])
  })
})

describe('zip', () => {
  it('writes what the format says: names, sizes, CRC, offsets', async () => {
    const bytes = new Uint8Array(await zip([{ name: 'ä.txt', bytes: new TextEncoder().encode('123456789') }]).arrayBuffer())
    const view = new DataView(bytes.buffer)
    expect(view.getUint32(0, true)).toBe(0x04034b50)
    expect(view.getUint32(14, true)).toBe(0xcbf43926) // CRC-32 of "123456789", the standard's check value
    const name = new TextEncoder().encode('ä.txt')
    expect(bytes.subarray(30, 30 + name.length)).toEqual(name)
    const end = bytes.length - 22
    expect(view.getUint32(end, true)).toBe(0x06054b50)
    const directory = view.getUint32(end + 16, true)
    expect(view.getUint32(directory, true)).toBe(0x02014b50)
    expect(view.getUint32(directory + 42, true)).toBe(0)
  })
})
