/** DOM pointer and wheel events → stage events. */
import type { PointerEvent as ReactPointerEvent } from 'react'
import { at, type ScreenPoint } from '../geometry/spaces'
import type { StageEvent } from '../tools/machine'
import type { PointerInput } from '../tools/stage'

type Dispatch = (event: StageEvent) => void
type Pointer = ReactPointerEvent<HTMLCanvasElement>

export function screenPoint(event: { clientX: number; clientY: number }, element: Element): ScreenPoint {
  const box = element.getBoundingClientRect()
  return at(event.clientX - box.left, event.clientY - box.top)
}

function inputOf(event: Pointer, button = event.button): PointerInput {
  return {
    id: event.pointerId,
    at: screenPoint(event, event.currentTarget),
    touch: event.pointerType === 'touch',
    button,
    alt: event.altKey,
    shift: event.shiftKey,
  }
}

export interface PointerHandlers {
  readonly onPointerDown: (event: Pointer) => void
  readonly onPointerMove: (event: Pointer) => void
  readonly onPointerUp: (event: Pointer) => void
  readonly onPointerCancel: () => void
  readonly onPointerLeave: () => void
  readonly onContextMenu: (event: { preventDefault: () => void }) => void
}

/** `panOnly`: the preview pane, where a drag moves the view and never marks. */
export function pointerHandlers(dispatch: Dispatch, panOnly = false): PointerHandlers {
  const MIDDLE = 1
  return {
    onPointerDown: (event) => {
      event.currentTarget.setPointerCapture(event.pointerId)
      dispatch({ type: 'down', pointer: inputOf(event, panOnly && event.pointerType !== 'touch' ? MIDDLE : event.button) })
    },
    onPointerMove: (event) => {
      if (!panOnly || event.buttons !== 0) dispatch({ type: 'move', pointer: inputOf(event) })
    },
    onPointerUp: (event) => dispatch({ type: 'up', pointer: inputOf(event) }),
    onPointerCancel: () => dispatch({ type: 'cancel' }),
    onPointerLeave: () => dispatch({ type: 'leave' }),
    onContextMenu: (event) => event.preventDefault(),
  }
}

/** A mouse wheel zooms; a trackpad pans with two fingers and zooms with a pinch (which browsers report as ctrl + wheel). */
export function wheelHandler(dispatch: Dispatch): (event: WheelEvent) => void {
  return (event) => {
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 40 : 1
    const trackpad = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL && (event.deltaX !== 0 || Math.abs(event.deltaY) < 40)
    dispatch({
      type: 'wheel',
      at: screenPoint(event, event.currentTarget as Element),
      dx: event.deltaX * lines,
      // A pinch reports a tenth of what a wheel does.
      dy: event.deltaY * lines * (event.ctrlKey && trackpad ? 8 : 1),
      zoom: event.ctrlKey || !trackpad,
    })
  }
}
