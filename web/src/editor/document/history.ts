/**
 * Marks with undo and redo as diffs: unlimited, one step a gesture. Everything is a value; an operation returns a new
 * document, so a store compares references and a reload only has to parse JSON.
 */
import { SCALES, scaleOf, type Mark, type PointMark } from './marks'

export type Start = 'auto' | 'empty'

/** Invertible: it holds what was there and what is there now, from `index` on. */
interface Splice {
  readonly kind: 'splice'
  readonly index: number
  readonly removed: readonly Mark[]
  readonly added: readonly Mark[]
}

/** What the first mark builds on: the automatic proposal or nothing. */
interface Restart {
  readonly kind: 'restart'
  readonly from: Start
  readonly to: Start
}

export type Change = Splice | Restart

export interface MarkDocument {
  readonly start: Start
  readonly marks: readonly Mark[]
  readonly past: readonly Change[]
  readonly future: readonly Change[]
}

export const EMPTY: MarkDocument = { start: 'auto', marks: [], past: [], future: [] }

/** Whether there is anything in it to lose. */
export const touched = ({ past, future }: MarkDocument): boolean => past.length > 0 || future.length > 0

function apply(document: MarkDocument, change: Change): Pick<MarkDocument, 'start' | 'marks'> {
  if (change.kind === 'restart') return { start: change.to, marks: document.marks }
  const marks = document.marks.toSpliced(change.index, change.removed.length, ...change.added)
  return { start: document.start, marks }
}

function invert(change: Change): Change {
  if (change.kind === 'restart') return { kind: 'restart', from: change.to, to: change.from }
  return { ...change, removed: change.added, added: change.removed }
}

export function commit(document: MarkDocument, change: Change): MarkDocument {
  return { ...apply(document, change), past: [...document.past, change], future: [] }
}

export function undo(document: MarkDocument): MarkDocument {
  const last = document.past.at(-1)
  if (!last) return document
  return { ...apply(document, invert(last)), past: document.past.slice(0, -1), future: [last, ...document.future] }
}

export function redo(document: MarkDocument): MarkDocument {
  const [next, ...future] = document.future
  if (!next) return document
  return { ...apply(document, next), past: [...document.past, next], future }
}

export function addMark(document: MarkDocument, mark: Mark): MarkDocument {
  return commit(document, { kind: 'splice', index: document.marks.length, removed: [], added: [mark] })
}

/** One splice from the first to the last mark that differs: one gesture is one undo step, whatever it touched. */
export function replaceMarks(document: MarkDocument, marks: readonly Mark[]): MarkDocument {
  const before = document.marks
  let head = 0
  while (head < before.length && head < marks.length && before[head] === marks[head]) head++
  let tail = 0
  while (tail < before.length - head && tail < marks.length - head && before.at(-1 - tail) === marks.at(-1 - tail)) tail++
  const removed = before.slice(head, before.length - tail)
  const added = marks.slice(head, marks.length - tail)
  if (removed.length === 0 && added.length === 0) return document
  return commit(document, { kind: 'splice', index: head, removed, added })
}

export function setStart(document: MarkDocument, to: Start): MarkDocument {
  return to === document.start ? document : commit(document, { kind: 'restart', from: document.start, to })
}

/** The one keep point over nothing: what it means is a choice of sizes. */
export function ambiguous({ start, marks }: MarkDocument): PointMark | null {
  const [mark] = marks
  return start === 'empty' && marks.length === 1 && mark?.kind === 'point' && mark.label === 'keep' ? mark : null
}

/** The next larger of the sizes that a single click can mean; the smallest after the largest. */
export function rescale(document: MarkDocument, newId: () => string): MarkDocument {
  const mark = ambiguous(document)
  return mark ? replaceMarks(document, [{ ...mark, id: newId(), scale: (scaleOf(mark) + 1) % SCALES }]) : document
}
