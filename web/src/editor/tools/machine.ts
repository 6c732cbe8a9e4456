/** `dispatch`: every input of the editor, as a pure step of the stage. */
import { addMark, redo, replaceMarks, rescale, setStart, undo, type Start } from '../document/history'
import { pointMarkAt, type Label, type RefineMark } from '../document/marks'
import { at, clampTo, distance, inside, type Box, type ScreenPoint, type Size } from '../geometry/spaces'
import { fit, panBy, toImage, zoomAt } from '../geometry/view'
import { POINT_REACH, drag, placePoint, press, release, startPan } from './gestures'
import { IDLE, midpoint, type PointerInput, type Stage, type ToolName } from './stage'

export type StageEvent =
  | { readonly type: 'down' | 'move' | 'up'; readonly pointer: PointerInput }
  | { readonly type: 'leave' }
  /** Esc, a lost pointer, a second finger: the gesture leaves no trace. */
  | { readonly type: 'cancel' }
  | { readonly type: 'wheel'; readonly at: ScreenPoint; readonly dx: number; readonly dy: number; readonly zoom: boolean }
  | { readonly type: 'zoom'; readonly factor: number }
  | { readonly type: 'fit' }
  | { readonly type: 'resize'; readonly viewport: Size }
  | { readonly type: 'tool'; readonly tool: ToolName }
  | { readonly type: 'brush-label'; readonly label: Label }
  | { readonly type: 'brush-size'; readonly radius: number }
  | { readonly type: 'space'; readonly held: boolean }
  | { readonly type: 'undo' | 'redo' | 'clear' | 'rescale' }
  | { readonly type: 'start'; readonly start: Start }
  | { readonly type: 'crosshair'; readonly dx: number; readonly dy: number }
  | { readonly type: 'place' }
  /** A part that the server has as a crop of its own. */
  | { readonly type: 'refine'; readonly box: Box<'image'>; readonly crop: string }

export const BRUSH_RADIUS = { min: 2, max: 120, step: 1.25 }

export function dispatch(stage: Stage, event: StageEvent): Stage {
  switch (event.type) {
    case 'down':
      return down(stage, event.pointer)
    case 'move':
      return move(stage, event.pointer)
    case 'up':
      return up(stage, event.pointer)
    case 'leave':
      return { ...stage, hover: null, hoveredMark: null }
    case 'cancel':
      return { ...stage, gesture: IDLE, touches: new Map(), crosshair: null }
    case 'wheel':
      return wheel(stage, event)
    case 'zoom':
      return zoom(stage, middle(stage.viewport), event.factor)
    case 'fit':
      return { ...stage, view: fit(stage.image, stage.viewport), fitted: true }
    case 'resize':
      return resize(stage, event.viewport)
    default:
      return command(stage, event)
  }
}

type PointerEvents = 'down' | 'move' | 'up' | 'leave' | 'cancel' | 'wheel' | 'zoom' | 'fit' | 'resize'

function command(stage: Stage, event: Exclude<StageEvent, { type: PointerEvents }>): Stage {
  switch (event.type) {
    case 'tool':
      return { ...stage, tool: event.tool, gesture: IDLE, hover: null, hoveredMark: null }
    case 'brush-label':
      return { ...stage, brushLabel: event.label }
    case 'brush-size':
      return { ...stage, brush: Math.min(BRUSH_RADIUS.max, Math.max(BRUSH_RADIUS.min, event.radius)) }
    case 'space':
      return { ...stage, spaceHeld: event.held }
    case 'undo':
      return { ...stage, gesture: IDLE, document: undo(stage.document) }
    case 'redo':
      return { ...stage, gesture: IDLE, document: redo(stage.document) }
    case 'clear':
      return { ...stage, gesture: IDLE, document: replaceMarks(stage.document, []) }
    case 'rescale':
      return { ...stage, gesture: IDLE, document: rescale(stage.document, stage.newId) }
    case 'start':
      return { ...stage, document: setStart(stage.document, event.start) }
    case 'crosshair':
      return moveCrosshair(stage, event.dx, event.dy)
    case 'place':
      return placeAtCrosshair(stage)
    case 'refine':
      return { ...stage, document: addMark(stage.document, refineMark(stage, event)) }
  }
}

function refineMark(stage: Stage, { box, crop }: { readonly box: Box<'image'>; readonly crop: string }): RefineMark {
  return { id: stage.newId(), kind: 'refine', label: 'keep', points: [box.min, box.max], crop }
}

function down(stage: Stage, pointer: PointerInput): Stage {
  if (pointer.touch) {
    const touches = new Map(stage.touches).set(pointer.id, pointer.at)
    if (touches.size === 2) return { ...stage, touches, gesture: { at: 'pinching' } }
    if (touches.size > 2) return { ...stage, touches }
    return press({ ...stage, touches, crosshair: null }, pointer)
  }
  const rested: Stage = { ...stage, crosshair: null, hover: null }
  if (stage.spaceHeld || pointer.button === 1) return startPan(rested, pointer.at)
  return press(rested, pointer)
}

function move(stage: Stage, pointer: PointerInput): Stage {
  if (stage.gesture.at === 'pinching') return pinch(stage, pointer)
  if (stage.gesture.at === 'idle') return pointer.touch ? stage : hover(stage, pointer)
  return drag(stage, pointer)
}

function up(stage: Stage, pointer: PointerInput): Stage {
  const touches = new Map(stage.touches)
  touches.delete(pointer.id)
  // The last finger of a pinch must not draw: the gesture stays "pinching" until all are up.
  if (stage.gesture.at === 'pinching') return { ...stage, touches, gesture: touches.size ? stage.gesture : IDLE }
  return release({ ...stage, touches })
}

function hover(stage: Stage, pointer: PointerInput): Stage {
  const p = toImage(stage.view, pointer.at)
  const points = stage.tool === 'keep' || stage.tool === 'remove'
  const under = points ? pointMarkAt(stage.document.marks, p, POINT_REACH / stage.view.zoom) : undefined
  return { ...stage, hover: inside(p, stage.image) ? p : null, hoveredMark: under?.id ?? null }
}

function pinch(stage: Stage, pointer: PointerInput): Stage {
  if (!stage.touches.has(pointer.id)) return stage
  const touches = new Map(stage.touches).set(pointer.id, pointer.at)
  const [a0, b0] = [...stage.touches.values()]
  const [a1, b1] = [...touches.values()]
  if (!a0 || !b0 || !a1 || !b1) return { ...stage, touches }
  const from = midpoint(a0, b0)
  const to = midpoint(a1, b1)
  const panned = panBy(stage.view, to.x - from.x, to.y - from.y, stage.image, stage.viewport)
  const factor = distance(a1, b1) / Math.max(1, distance(a0, b0))
  return zoom({ ...stage, touches, view: panned }, to, factor)
}

function zoom(stage: Stage, anchor: ScreenPoint, factor: number): Stage {
  return { ...stage, fitted: false, view: zoomAt(stage.view, anchor, factor, stage.image, stage.viewport) }
}

/** A wheel notch is 100–120 px in every browser: 1.002^100 ≈ 1.22 a notch. */
const WHEEL_BASE = 1.002

function wheel(stage: Stage, event: Extract<StageEvent, { type: 'wheel' }>): Stage {
  if (event.zoom) return zoom(stage, event.at, WHEEL_BASE ** -event.dy)
  return { ...stage, fitted: false, view: panBy(stage.view, -event.dx, -event.dy, stage.image, stage.viewport) }
}

const middle = (viewport: Size): ScreenPoint => at(viewport.width / 2, viewport.height / 2)

function resize(stage: Stage, viewport: Size): Stage {
  if (viewport.width === stage.viewport.width && viewport.height === stage.viewport.height) return stage
  const view = stage.fitted ? fit(stage.image, viewport) : panBy(stage.view, 0, 0, stage.image, viewport)
  return { ...stage, viewport, view }
}

function moveCrosshair(stage: Stage, dx: number, dy: number): Stage {
  const from = stage.crosshair ?? at<'image'>(stage.image.width / 2, stage.image.height / 2)
  const to = at<'image'>(from.x + dx / stage.view.zoom, from.y + dy / stage.view.zoom)
  return { ...stage, crosshair: stage.crosshair ? clampTo(to, stage.image) : from }
}

/** Enter on the keyboard: a point, or a dab of the brush, where the cross-hair stands. */
function placeAtCrosshair(stage: Stage): Stage {
  if (!stage.crosshair) return stage
  if (stage.tool === 'keep' || stage.tool === 'remove') return placePoint(stage, stage.crosshair, stage.tool)
  const screen = at<'screen'>(
    stage.crosshair.x * stage.view.zoom + stage.view.x,
    stage.crosshair.y * stage.view.zoom + stage.view.y,
  )
  if (stage.tool !== 'brush' && stage.tool !== 'eraser') return stage
  return release(press(stage, { id: 0, at: screen, touch: false, button: 0, alt: false, shift: false }))
}
