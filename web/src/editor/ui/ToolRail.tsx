/** Tools, brush and undo: a rail beside the image, a bar below it on a phone. */
import type { JSX } from 'react'
import { S } from '../../strings'
import type { EditorSession } from '../session'
import { BRUSH_RADIUS } from '../tools/machine'
import { TOOLS, type ToolName } from '../tools/stage'
import { IconButton, Segmented, Slider } from './controls'
import { usePart } from './hooks'

const KEYS: Record<ToolName, string> = { keep: 'K', remove: 'R', brush: 'B', eraser: 'E', box: 'M', pan: 'H' }

export function ToolRail({ session }: { readonly session: EditorSession }): JSX.Element {
  const tool = usePart(session.stage, (stage) => stage.tool)
  const canUndo = usePart(session.stage, (stage) => stage.document.past.length > 0)
  const canRedo = usePart(session.stage, (stage) => stage.document.future.length > 0)
  const anyMarks = usePart(session.stage, (stage) => stage.document.marks.length > 0)
  return (
    <div className="co-rail" role="toolbar" aria-label={S.tools.label} aria-orientation="vertical">
      {TOOLS.map((name) => (
        <IconButton
          key={name} icon={name} label={S.tools[name]} hint={S.tips[name]} shortcut={KEYS[name]} pressed={tool === name}
          className={`co-tool co-tool-${name}`} onClick={() => session.dispatch({ type: 'tool', tool: name })}
        />
      ))}
      <RefineButton session={session} />
      <hr />
      <IconButton icon="undo" label={S.tools.undo} shortcut="Ctrl+Z" disabled={!canUndo} onClick={() => session.dispatch({ type: 'undo' })} />
      <IconButton icon="redo" label={S.tools.redo} shortcut="Ctrl+Shift+Z" disabled={!canRedo} onClick={() => session.dispatch({ type: 'redo' })} />
      <IconButton icon="trash" label={S.tools.clear} disabled={!anyMarks} onClick={() => session.dispatch({ type: 'clear' })} />
      {(tool === 'brush' || tool === 'eraser') && <BrushPanel session={session} eraser={tool === 'eraser'} />}
    </div>
  )
}

function RefineButton({ session }: { readonly session: EditorSession }): JSX.Element {
  const refining = usePart(session.mask, (mask) => mask.refining)
  // what there is to refine follows from both
  usePart(session.mask, (mask) => mask.rendered)
  usePart(session.stage, (stage) => stage.view)
  const small = session.closer() !== null
  return (
    <IconButton
      icon="refine" label={S.refine.label} hint={small ? S.refine.hint : S.refine.zoomFirst} shortcut="F" disabled={!small || refining}
      onClick={() => void session.refine()}
    />
  )
}

function BrushPanel({ session, eraser }: { readonly session: EditorSession; readonly eraser: boolean }): JSX.Element {
  const radius = usePart(session.stage, (stage) => Math.round(stage.brush))
  const label = usePart(session.stage, (stage) => stage.brushLabel)
  return (
    <div className="co-popover co-brush">
      {!eraser && (
        <Segmented
          label={S.brush.paints} value={label} options={[['keep', `+ ${S.brush.keep}`], ['remove', `− ${S.brush.remove}`]]}
          onChange={(next) => session.dispatch({ type: 'brush-label', label: next })}
        />
      )}
      <Slider
        label={S.brush.size} value={radius} min={BRUSH_RADIUS.min} max={BRUSH_RADIUS.max} unit=" px"
        onChange={(next) => session.dispatch({ type: 'brush-size', radius: next })}
      />
    </div>
  )
}
