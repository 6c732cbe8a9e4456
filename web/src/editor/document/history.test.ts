import { describe, expect, it } from 'vitest'
import { EMPTY, addMark, ambiguous, redo, replaceMarks, rescale, setStart, undo, type MarkDocument } from './history'
import { erase, scaleOf, wireMarks, type Mark, type StrokeMark } from './marks'

const point = (id: string): Mark => ({ id, kind: 'point', label: 'keep', points: [{ x: 1, y: 2 }] })
const ids = (document: MarkDocument): string[] => document.marks.map((mark) => mark.id)

describe('history', () => {
  it('undoes and redoes any number of gestures, in order', () => {
    const names = Array.from({ length: 500 }, (_, i) => `m${String(i)}`)
    let document = names.reduce((doc, id) => addMark(doc, point(id)), EMPTY)
    for (let i = 0; i < 500; i++) document = undo(document)
    expect(document.marks).toEqual([])
    expect(undo(document)).toBe(document)
    for (let i = 0; i < 500; i++) document = redo(document)
    expect(ids(document)).toEqual(names)
    expect(redo(document)).toBe(document)
  })

  it('takes a gesture that touched several marks as one step', () => {
    const [a, b, c, d] = [point('a'), point('b'), point('c'), point('d')]
    const full = [a, b, c, d].reduce(addMark, EMPTY)
    const erased = replaceMarks(full, [a, d])
    expect(erased.past).toHaveLength(5)
    expect(ids(undo(erased))).toEqual(['a', 'b', 'c', 'd'])
    expect(ids(redo(undo(erased)))).toEqual(['a', 'd'])
  })

  it('is no step at all when nothing changed', () => {
    const document = addMark(EMPTY, point('a'))
    expect(replaceMarks(document, document.marks)).toBe(document)
    expect(setStart(document, 'auto')).toBe(document)
  })

  it('forgets the future after a new gesture', () => {
    const document = addMark(undo(addMark(EMPTY, point('a'))), point('b'))
    expect(ids(redo(document))).toEqual(['b'])
  })

  it('undoes starting from empty', () => {
    const document = setStart(addMark(EMPTY, point('a')), 'empty')
    expect(document.start).toBe('empty')
    expect(undo(document).start).toBe('auto')
  })

  it('survives JSON', () => {
    const document = undo(replaceMarks(addMark(EMPTY, point('a')), [point('b')]))
    expect(redo(JSON.parse(JSON.stringify(document)) as MarkDocument)).toEqual(redo(document))
  })
})

describe('the size of a single click', () => {
  let ids = 0
  const next = (document: MarkDocument): MarkDocument => rescale(document, () => `r${String(ids++)}`)
  const scales = (document: MarkDocument): number[] => document.marks.map(scaleOf)
  const alone = addMark(setStart(EMPTY, 'empty'), point('a'))

  it('goes round, each step a gesture of its own', () => {
    const once = next(alone)
    const twice = next(once)
    expect([alone, once, twice, next(twice)].map(scales)).toEqual([[0], [1], [2], [0]])
    expect(scales(undo(twice))).toEqual([1])
    expect(new Set([alone, once, twice].map((document) => document.marks[0]?.id)).size).toBe(3) // a mark never changes under its id
  })

  it('travels to the server, and nowhere that does not know it', () => {
    expect(wireMarks(next(alone).marks)).toMatchObject([{ kind: 'point', scale: 1 }])
    expect(wireMarks(alone.marks)[0]).not.toHaveProperty('scale')
  })

  it('is asked of one keep point over nothing, and of nothing else', () => {
    const removing: Mark = { id: 'b', kind: 'point', label: 'remove', points: [{ x: 1, y: 2 }] }
    const others = [addMark(EMPTY, point('a')), addMark(alone, point('b')), addMark(setStart(EMPTY, 'empty'), removing), setStart(EMPTY, 'empty')]
    expect(ambiguous(alone)?.id).toBe('a')
    for (const document of others) expect([ambiguous(document), next(document)]).toEqual([null, document])
  })
})

describe('erase', () => {
  const newId = (): string => 'piece'
  const stroke: StrokeMark = { id: 's', kind: 'stroke', label: 'keep', radius: 5, points: [{ x: 0, y: 0 }, { x: 100, y: 0 }] }

  it('cuts a stroke in two', () => {
    const pieces = erase(stroke, [{ x: 50, y: 0 }], 5, newId)
    expect(pieces).toHaveLength(2)
    const xs = pieces.map((piece) => piece.points.map((p) => p.x))
    expect(Math.max(...(xs[0] ?? []))).toBeLessThan(40)
    expect(Math.min(...(xs[1] ?? []))).toBeGreaterThan(60)
  })

  it('leaves what it does not touch alone, by identity', () => {
    expect(erase(stroke, [{ x: 50, y: 40 }], 5, newId)[0]).toBe(stroke)
  })

  it('takes a box by its outline, not by its inside', () => {
    const box: Mark = { id: 'b', kind: 'box', label: 'keep', points: [{ x: 0, y: 0 }, { x: 100, y: 80 }] }
    expect(erase(box, [{ x: 50, y: 40 }], 10, newId)).toEqual([box])
    expect(erase(box, [{ x: 50, y: 78 }], 10, newId)).toEqual([])
  })
})
