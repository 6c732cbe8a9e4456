import type { JSX } from 'react'
import { S } from '../../strings'
import { Dialog } from './Dialog'

const MOD = navigator.userAgent.includes('Mac') ? '⌘' : 'Ctrl'

const ROWS: readonly (readonly [keys: string, meaning: string])[] = [
  ['K', S.tools.keep],
  ['R · right click · Alt or Shift + click', S.tools.remove],
  ['B', S.tools.brush],
  ['X', `${S.brush.paints}: ${S.brush.keep} / ${S.brush.remove}`],
  ['[ · ]', S.brush.size],
  ['E', S.tools.eraser],
  ['T', S.scale.shortcut],
  ['F', S.refine.hint],
  ['M', S.tools.box],
  ['H · hold Space', S.tools.pan],
  ['+ · − · wheel · pinch', `${S.zoom.in}, ${S.zoom.out}`],
  ['0', S.zoom.fit],
  [`${MOD} Z`, S.tools.undo],
  [`${MOD} Shift Z`, S.tools.redo],
  ['\\', S.panes.beforeHint],
  ['← ↑ → ↓, then Enter', 'Mark without a mouse'],
  ['Esc', 'Drop what you are drawing'],
  ['Enter', S.apply.apply],
  ['A', S.review.shortcut],
  ['Page Up · Page Down', 'Previous or next photo'],
]

export function ShortcutSheet({ onClose }: { readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title={S.shortcuts.title} onClose={onClose}>
      <dl className="co-keys">
        {ROWS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>{meaning}</dt>
            <dd>{keys.split(' · ').map((key) => <kbd key={key}>{key}</kbd>)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
