/** The image with its marks, and the preview. Both show the same part of the image. */
import { useEffect, useMemo, useRef, useState, type CSSProperties, type JSX } from 'react'
import type { CutoutOptions } from '../../api/options'
import { S } from '../../strings'
import { ambiguous } from '../document/history'
import { leftOut } from '../render/matte'
import { checkerPattern, drawMarksPane, drawPreviewPane, type Background } from '../render/scene'
import type { EditorSession } from '../session'
import type { Settings } from '../settings'
import type { Picture } from '../workbench'
import { usePainted, usePart } from './hooks'
import { pointerHandlers, screenPoint, wheelHandler } from './pointer'
import { IconButton } from './controls'

interface PanesProps {
  readonly session: EditorSession
  readonly settings: Settings
  readonly picture: Picture | null
  readonly before: boolean
  readonly onBefore: (before: boolean) => void
}

export function Panes({ session, settings, picture, before, onBefore }: PanesProps): JSX.Element {
  const [split, setSplit] = useState(50)
  return (
    <div className="co-panes" style={{ '--split': `${split}%` } as CSSProperties}>
      <MarksPane session={session} annotated={!before} />
      <PreviewPane session={session} settings={settings} picture={picture} before={before} />
      <input
        className="co-compare" type="range" min={0} max={100} value={split} aria-label={S.panes.compare}
        style={{ '--to': `${split}%` } as CSSProperties}
        onChange={(event) => setSplit(event.target.valueAsNumber)}
      />
      <div className="co-pane-tools">
        <button
          type="button" className="co-chip co-before" title={`${S.panes.beforeHint} (\\)`}
          onPointerDown={() => onBefore(true)} onPointerUp={() => onBefore(false)} onPointerLeave={() => onBefore(false)}
          onKeyDown={(event) => event.key === ' ' && onBefore(true)} onKeyUp={() => onBefore(false)}
        >
          {S.panes.before}
        </button>
        <ScaleButton session={session} />
        <ExactButton session={session} options={settings.options} />
        <ZoomControls session={session} />
      </div>
    </div>
  )
}

function useWheel(ref: { readonly current: HTMLCanvasElement | null }, session: EditorSession): void {
  useEffect(() => {
    const canvas = ref.current
    const onWheel = wheelHandler((event) => session.dispatch(event))
    // React listens passively; the page would scroll.
    canvas?.addEventListener('wheel', onWheel, { passive: false })
    return () => canvas?.removeEventListener('wheel', onWheel)
  }, [ref, session])
}

function MarksPane({ session, annotated }: { readonly session: EditorSession; readonly annotated: boolean }): JSX.Element {
  const pointer = useRef<{ x: number; y: number } | null>(null)
  const tool = usePart(session.stage, (stage) => (stage.spaceHeld ? 'pan' : stage.tool))
  const deleting = usePart(session.stage, (stage) => stage.hoveredMark !== null)
  const marks = usePart(session.stage, (stage) => stage.document.marks.length)
  const busy = usePart(session.mask, (mask) => mask.thinking || !mask.ready)
  const canvas = usePainted(
    [session.stage, session.mask],
    () => [session.stage.get(), session.mask.get().bitmap, session.mask.get().rendered, annotated],
    (context) => {
      const { bitmap, rendered } = session.mask.get()
      if (bitmap) drawMarksPane(context, { stage: session.stage.get(), bitmap, rendered, annotated, pointer: pointer.current })
    },
    (width, height) => session.dispatch({ type: 'resize', viewport: { width, height } }),
  )
  const handlers = useMemo(() => pointerHandlers((event) => session.dispatch(event)), [session])
  useWheel(canvas, session)
  return (
    <canvas
      ref={canvas} className="co-canvas co-marks" data-tool={deleting ? 'delete' : tool} tabIndex={0} role="application"
      aria-label={`${S.panes.marks} ${S.panes.count(marks)}`} aria-busy={busy} data-marks={marks} id="co-image" {...handlers}
      onPointerMove={(event) => {
        pointer.current = event.pointerType === 'touch' ? null : screenPoint(event, event.currentTarget)
        handlers.onPointerMove(event)
      }}
      onPointerLeave={() => {
        pointer.current = null
        handlers.onPointerLeave()
      }}
    />
  )
}

function backgroundOf({ backdrop, options }: Settings, picture: Picture | null): Background {
  if (backdrop === 'white' || backdrop === 'black') return { kind: 'colour', colour: backdrop }
  if (backdrop === 'option' && options.background?.startsWith('#')) return { kind: 'colour', colour: options.background }
  if (backdrop === 'option' && picture && options.background === picture.id) return { kind: 'picture', bitmap: picture.bitmap, frame: options }
  return { kind: 'checker' }
}

/** On narrow screens the panes lie over each other. */
function liesOverMarks(canvas: HTMLCanvasElement): boolean {
  const marks = canvas.parentElement?.querySelector<HTMLElement>('.co-marks')
  return marks?.offsetLeft === canvas.offsetLeft
}

function PreviewPane({ session, settings, picture, before }: Omit<PanesProps, 'onBefore'>): JSX.Element {
  const checker = useRef<CanvasPattern | null>(null)
  const background = backgroundOf(settings, picture)
  const canvas = usePainted(
    [session.stage, session.mask],
    (element) => {
      const { bitmap, rendered, exact } = session.mask.get()
      const stage = session.stage.get()
      // a mark alone changes nothing here: what it means comes with the decoder's answer, which would have to wait for the paint
      const seen = liesOverMarks(element) ? [stage] : [stage.view, stage.viewport]
      return [bitmap, rendered, exact, before, settings, picture, ...seen]
    },
    (context) => {
      const { bitmap, rendered, exact } = session.mask.get()
      checker.current ??= checkerPattern(context)
      if (!bitmap) return
      const overMarks = liesOverMarks(context.canvas)
      drawPreviewPane(context, { stage: session.stage.get(), bitmap, rendered, exact, background, before, checker: checker.current, overMarks })
    },
  )
  const handlers = useMemo(() => pointerHandlers((event) => session.dispatch(event), true), [session])
  useWheel(canvas, session)
  return <canvas ref={canvas} className="co-canvas co-preview" role="img" aria-label={S.panes.preview} {...handlers} />
}

/** While one click is all there is, what it means can be asked for. */
function ScaleButton({ session }: { readonly session: EditorSession }): JSX.Element | null {
  const asked = usePart(session.stage, (stage) => ambiguous(stage.document) !== null)
  if (!asked) return null
  return (
    <button type="button" className="co-chip co-scale" title={`${S.scale.hint} (T)`} aria-keyshortcuts="T" onClick={() => session.dispatch({ type: 'rescale' })}>
      {S.scale.next}
    </button>
  )
}

/** The browser's preview leaves steps out: the button says so and asks for the real thing. */
function ExactButton({ session, options }: { readonly session: EditorSession; readonly options: CutoutOptions }): JSX.Element | null {
  const asking = usePart(session.mask, (mask) => mask.asking)
  const exact = usePart(session.mask, (mask) => mask.exact !== null)
  const missing = leftOut(options)
  if (missing.length === 0) return null
  return (
    <button
      type="button" className="co-chip" data-exact={exact} disabled={asking || exact} title={exact ? S.edge.isExact : S.edge.leftOut(missing)}
      onClick={() => void session.showExact(options)}
    >
      {!exact && <span className="co-approximate">{S.edge.approximate}</span>}
      {asking ? S.edge.exactBusy : exact ? S.edge.isExact : S.edge.exact}
    </button>
  )
}

function ZoomControls({ session }: { readonly session: EditorSession }): JSX.Element {
  const percent = usePart(session.stage, (stage) => Math.round(stage.view.zoom * 100))
  return (
    <div className="co-zoom" role="group" aria-label={`${percent} %`}>
      <IconButton icon="minus" label={S.zoom.out} shortcut="-" onClick={() => session.dispatch({ type: 'zoom', factor: 0.8 })} />
      <span aria-hidden="true">{percent} %</span>
      <IconButton icon="plus" label={S.zoom.in} shortcut="+" onClick={() => session.dispatch({ type: 'zoom', factor: 1.25 })} />
      <IconButton icon="fit" label={S.zoom.fit} shortcut="0" onClick={() => session.dispatch({ type: 'fit' })} />
    </div>
  )
}
