/**
 * The editor without a screen: one immutable value, changed only by `dispatch` (machine.ts). The document, the view and the
 * gesture in progress live side by side, so a test can drive a tool with plain events and look at what it did.
 */
import { EMPTY, type MarkDocument } from '../document/history'
import type { Label, Mark } from '../document/marks'
import { at, boxOf, clampTo, type ImagePoint, type ScreenPoint, type Size } from '../geometry/spaces'
import { fit, toImage, type View } from '../geometry/view'

export const TOOLS = ['keep', 'remove', 'brush', 'eraser', 'box', 'pan'] as const
export type ToolName = (typeof TOOLS)[number]

/** What the pointer is in the middle of. Data only: a gesture holds everything its tool needs to finish it. */
export type Gesture =
  | { readonly at: 'idle' }
  | { readonly at: 'pointing'; readonly label: Label; readonly from: ScreenPoint }
  | { readonly at: 'deleting'; readonly markId: string }
  | { readonly at: 'drawing'; readonly label: Label; readonly points: readonly ImagePoint[]; readonly radius: number }
  | { readonly at: 'erasing'; readonly path: readonly ImagePoint[] }
  | { readonly at: 'boxing'; readonly from: ImagePoint; readonly to: ImagePoint }
  | { readonly at: 'panning'; readonly last: ScreenPoint }
  | { readonly at: 'pinching' }

export interface Stage {
  readonly image: Size
  readonly viewport: Size
  readonly view: View
  /** The view follows the viewport until the user zooms or pans. */
  readonly fitted: boolean
  readonly document: MarkDocument
  readonly tool: ToolName
  /** What the brush paints; keep and remove carry their own. */
  readonly brushLabel: Label
  /** Radius in CSS pixels: zooming in makes the brush finer in the image. */
  readonly brush: number
  readonly gesture: Gesture
  /** Fingers and pens that are down, by pointer id. */
  readonly touches: ReadonlyMap<number, ScreenPoint>
  /** Where a resting mouse points: it previews the first mark. */
  readonly hover: ImagePoint | null
  /** The point mark under the mouse: a click deletes it. */
  readonly hoveredMark: string | null
  /** Keyboard cross-hair, null until an arrow key shows it. */
  readonly crosshair: ImagePoint | null
  readonly spaceHeld: boolean
  readonly newId: () => string
}

export interface PointerInput {
  readonly id: number
  readonly at: ScreenPoint
  readonly touch: boolean
  /** DOM numbering: 0 primary, 1 middle, 2 secondary. */
  readonly button: number
  readonly alt: boolean
  readonly shift: boolean
}

export function openStage(image: Size, viewport: Size, newId: () => string, document: MarkDocument = EMPTY): Stage {
  return {
    image,
    viewport,
    view: fit(image, viewport),
    fitted: true,
    document,
    tool: 'keep',
    brushLabel: 'keep',
    brush: 18,
    gesture: { at: 'idle' },
    touches: new Map(),
    hover: null,
    hoveredMark: null,
    crosshair: null,
    spaceHeld: false,
    newId,
  }
}

/** `stage` seen and drawn on as `like` was. */
export function resumed(stage: Stage, { viewport, view, fitted, tool, brushLabel, brush }: Stage): Stage {
  return { ...stage, viewport, view, fitted, tool, brushLabel, brush }
}

export const IDLE: Gesture = { at: 'idle' }

/** The label a press draws: right button, Alt and Shift always remove. */
export function labelOf(stage: Stage, input: PointerInput): Label {
  if (input.button === 2 || input.alt || input.shift) return 'remove'
  if (stage.tool === 'brush') return stage.brushLabel
  return stage.tool === 'remove' ? 'remove' : 'keep'
}

/** The image point under the pointer; a mark that starts outside the image is placed on its border. */
export function imagePointOf(stage: Stage, p: ScreenPoint): ImagePoint {
  return clampTo(toImage(stage.view, p), stage.image)
}

/** The brush's radius in ImageSpace; the API allows up to 4096. */
export function brushRadius(stage: Stage): number {
  return Math.min(4096, stage.brush / stage.view.zoom)
}

/** The mark that the gesture would leave if it ended now. */
export function draftOf(stage: Stage): Mark | null {
  const { gesture } = stage
  if (gesture.at === 'drawing') {
    return { id: 'draft', kind: 'stroke', label: gesture.label, points: gesture.points, radius: gesture.radius }
  }
  if (gesture.at === 'boxing') {
    const { min, max } = boxOf(gesture.from, gesture.to)
    return { id: 'draft', kind: 'box', label: 'keep', points: [min, max] }
  }
  return null
}

/** `keep.drawing`, `pan.panning` …: what the tests ask for. */
export function pathOf(stage: Stage): string {
  return `${stage.tool}.${stage.gesture.at}`
}

export function midpoint(a: ScreenPoint, b: ScreenPoint): ScreenPoint {
  return at((a.x + b.x) / 2, (a.y + b.y) / 2)
}
