/** The keyboard as data: a key press → what it means. The shortcut sheet is made from the same table. */
import { BRUSH_RADIUS, type StageEvent } from './machine'
import type { Stage, ToolName } from './stage'

export interface KeyPress {
  readonly key: string
  /** Ctrl, or ⌘ on a Mac. */
  readonly command: boolean
  readonly shift: boolean
  readonly alt: boolean
  /** The key is held down. */
  readonly repeat: boolean
}

/** What only the page can do. */
export type PageCommand = 'apply' | 'accept' | 'refine' | 'shortcuts' | 'before' | 'next-image' | 'previous-image'

export type KeyMeaning =
  | { readonly kind: 'stage'; readonly event: StageEvent }
  | { readonly kind: 'page'; readonly command: PageCommand }

const TOOL_KEYS: Readonly<Record<string, ToolName>> = { k: 'keep', r: 'remove', b: 'brush', e: 'eraser', m: 'box', h: 'pan' }

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
}

/** Each press of these is meant by itself: look closer, looks right. */
const ONCE = new Set(['f', 'a'])

const stage = (event: StageEvent): KeyMeaning => ({ kind: 'stage', event })
const page = (command: PageCommand): KeyMeaning => ({ kind: 'page', command })

export function meaningOf(press: KeyPress, now: Stage): KeyMeaning | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key
  if (press.command) return withCommand(key, press.shift)
  if (press.alt) return null // Alt belongs to the menu and to the mouse
  if (press.repeat && ONCE.has(key)) return null
  const tool = TOOL_KEYS[key]
  if (tool) return stage({ type: 'tool', tool })
  const arrow = ARROWS[key]
  if (arrow) {
    const by = press.shift ? 40 : 8 // CSS pixels
    return stage({ type: 'crosshair', dx: arrow[0] * by, dy: arrow[1] * by })
  }
  return plain(key, now)
}

function withCommand(key: string, shift: boolean): KeyMeaning | null {
  if (key === 'z') return stage({ type: shift ? 'redo' : 'undo' })
  if (key === 'y') return stage({ type: 'redo' })
  if (key === 'Enter') return page('apply')
  return null
}

function plain(key: string, now: Stage): KeyMeaning | null {
  switch (key) {
    case '[':
      return stage({ type: 'brush-size', radius: now.brush / BRUSH_RADIUS.step })
    case ']':
      return stage({ type: 'brush-size', radius: now.brush * BRUSH_RADIUS.step })
    case 'a':
      return page('accept')
    case 'f':
      return page('refine')
    case 't':
      return stage({ type: 'rescale' })
    case 'x':
      return stage({ type: 'brush-label', label: now.brushLabel === 'keep' ? 'remove' : 'keep' })
    case '+':
    case '=':
      return stage({ type: 'zoom', factor: 1.25 })
    case '-':
      return stage({ type: 'zoom', factor: 0.8 })
    case '0':
      return stage({ type: 'fit' })
    case 'Escape':
      return stage({ type: 'cancel' })
    case ' ':
      return stage({ type: 'space', held: true })
    case 'Enter':
      return now.crosshair ? stage({ type: 'place' }) : page('apply')
    case '?':
      return page('shortcuts')
    case '\\':
      return page('before')
    case 'PageDown':
      return page('next-image')
    case 'PageUp':
      return page('previous-image')
    default:
      return null
  }
}
