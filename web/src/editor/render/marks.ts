/** Marks over the image: a pure function of what it gets, in screen pixels. */
import { rectangleOf, type BoxMark, type Label, type Mark, type PointMark, type RefineMark, type StrokeMark } from '../document/marks'
import type { ScreenPoint } from '../geometry/spaces'
import { toScreen, type View } from '../geometry/view'
import { MARK } from './theme'

export type Canvas = CanvasRenderingContext2D

export const POINT_RADIUS = 9

export interface MarksScene {
  readonly marks: readonly Mark[]
  readonly draft: Mark | null
  readonly hoveredMark: string | null
}

export function drawMarks(canvas: Canvas, { marks, draft, hoveredMark }: MarksScene, view: View): void {
  const all = draft ? [...marks, draft] : marks
  for (const mark of all) if (mark.kind === 'stroke') drawStroke(canvas, mark, view)
  for (const mark of all) if (mark.kind === 'box' || mark.kind === 'refine') drawBox(canvas, mark, view)
  for (const mark of all) if (mark.kind === 'point') drawPointMark(canvas, mark, view, mark.id === hoveredMark)
}

function drawPointMark(canvas: Canvas, mark: PointMark, view: View, hovered: boolean): void {
  const [p] = mark.points
  if (!p) return
  const at = toScreen(view, p)
  drawDot(canvas, at, mark.label, hovered ? POINT_RADIUS + 2 : POINT_RADIUS)
  drawSign(canvas, at, hovered ? 'delete' : mark.label, signColour(mark.label))
}

/** Keep is a solid disc, remove a hollow ring: told apart without colour. */
export function drawDot(canvas: Canvas, at: ScreenPoint, label: Label, radius: number): void {
  circle(canvas, at, radius + 2)
  canvas.fillStyle = MARK.outline
  canvas.fill()
  circle(canvas, at, radius)
  canvas.fillStyle = MARK[label].line
  if (label === 'keep') {
    canvas.fill()
    return
  }
  canvas.lineWidth = 2.5
  canvas.strokeStyle = MARK[label].line
  circle(canvas, at, radius - 1.25)
  canvas.stroke()
}

const signColour = (label: Label): string => (label === 'keep' ? '#ffffff' : MARK.remove.line)

function drawSign(canvas: Canvas, at: ScreenPoint, sign: Label | 'delete', colour: string): void {
  const arm = 4
  canvas.beginPath()
  if (sign === 'delete') {
    canvas.moveTo(at.x - 3, at.y - 3)
    canvas.lineTo(at.x + 3, at.y + 3)
    canvas.moveTo(at.x + 3, at.y - 3)
    canvas.lineTo(at.x - 3, at.y + 3)
  } else {
    canvas.moveTo(at.x - arm, at.y)
    canvas.lineTo(at.x + arm, at.y)
    if (sign === 'keep') {
      canvas.moveTo(at.x, at.y - arm)
      canvas.lineTo(at.x, at.y + arm)
    }
  }
  canvas.lineWidth = 2
  canvas.lineCap = 'round'
  canvas.strokeStyle = colour
  canvas.stroke()
}

function drawStroke(canvas: Canvas, mark: StrokeMark, view: View): void {
  const path = mark.points.map((p) => toScreen(view, p))
  const [first] = path
  if (!first) return
  canvas.save()
  canvas.lineCap = canvas.lineJoin = 'round'
  trace(canvas, path)
  const width = Math.max(2, 2 * mark.radius * view.zoom)
  if (mark.label === 'remove') {
    // Hollow: a red rim of 2 px around a faint inside, drawn as two strokes of different width.
    canvas.lineWidth = width
    canvas.strokeStyle = MARK.remove.paint
    canvas.stroke()
    canvas.lineWidth = 1.5
    canvas.setLineDash([5, 4])
    canvas.strokeStyle = MARK.remove.line
    canvas.stroke()
  } else {
    canvas.lineWidth = width
    canvas.strokeStyle = MARK.keep.paint
    canvas.stroke()
  }
  canvas.restore()
  drawDot(canvas, first, mark.label, 6)
  drawSign(canvas, first, mark.label, signColour(mark.label))
}

function trace(canvas: Canvas, path: readonly ScreenPoint[]): void {
  canvas.beginPath()
  path.forEach((p, i) => {
    if (i === 0) canvas.moveTo(p.x, p.y)
    else canvas.lineTo(p.x, p.y)
  })
  const [only] = path
  if (path.length === 1 && only) canvas.lineTo(only.x + 0.01, only.y) // a dab: a round cap needs a line to stand on
}

/** A box is dashed; a part that is looked at closer is dotted, and fainter. */
function drawBox(canvas: Canvas, mark: BoxMark | RefineMark, view: View): void {
  const box = rectangleOf(mark)
  if (!box) return
  const from = toScreen(view, box.min)
  const to = toScreen(view, box.max)
  canvas.save()
  if (mark.kind === 'refine') canvas.globalAlpha = 0.7
  canvas.lineWidth = 3
  canvas.strokeStyle = MARK.outline
  canvas.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y)
  canvas.setLineDash(mark.kind === 'box' ? [6, 4] : [1.5, 3.5])
  canvas.lineWidth = 1.5
  canvas.strokeStyle = MARK.box
  canvas.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y)
  canvas.restore()
}

export function circle(canvas: Canvas, at: ScreenPoint, radius: number): void {
  canvas.beginPath()
  canvas.arc(at.x, at.y, radius, 0, Math.PI * 2)
}
