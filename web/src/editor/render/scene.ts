/** The two panes, each a pure function from state to pixels. Coordinates are CSS pixels; the caller scales for the screen. */
import type { CutoutOptions } from '../../api/options'
import type { Size } from '../geometry/spaces'
import { toScreen } from '../geometry/view'
import { draftOf, type Stage } from '../tools/stage'
import { circle, drawMarks, type Canvas, type MarksScene } from './marks'
import { covering, outputBox } from './output'
import type { Rendered } from './preview.protocol'
import { MARK } from './theme'

export interface MarksPane {
  readonly stage: Stage
  readonly bitmap: ImageBitmap
  readonly rendered: Rendered | null
  /** False while the before/after key is held: the bare image. */
  readonly annotated: boolean
  /** Where the mouse is, for the brush's circle; null when elsewhere. */
  readonly pointer: { readonly x: number; readonly y: number } | null
}

export function drawMarksPane(canvas: Canvas, { stage, bitmap, rendered, annotated, pointer }: MarksPane): void {
  clear(canvas, stage.viewport)
  drawImage(canvas, stage, bitmap)
  if (!annotated) return
  if (rendered) drawImage(canvas, stage, rendered.veil)
  drawMarks(canvas, marksOf(stage), stage.view)
  if (pointer && (stage.tool === 'brush' || stage.tool === 'eraser')) drawBrush(canvas, pointer, stage)
  if (stage.crosshair) drawCrosshair(canvas, toScreen(stage.view, stage.crosshair))
}

const marksOf = (stage: Stage): MarksScene => ({
  marks: stage.document.marks, draft: draftOf(stage), hoveredMark: stage.hoveredMark,
})

export type Background =
  | { readonly kind: 'checker' }
  | { readonly kind: 'colour'; readonly colour: string }
  /** Fills the box that the file will show. */
  | { readonly kind: 'picture'; readonly bitmap: ImageBitmap; readonly frame: Pick<CutoutOptions, 'trim' | 'margin'> }

export interface PreviewPane {
  readonly stage: Stage
  readonly bitmap: ImageBitmap
  readonly rendered: Rendered | null
  /** The server's preview, if it is of what is on screen. */
  readonly exact: ImageBitmap | null
  readonly background: Background
  /** True while the before/after key is held. */
  readonly before: boolean
  readonly checker: CanvasPattern | null
  /** The panes lie over each other (narrow screens): the marks must show on both sides of the seam. */
  readonly overMarks: boolean
}

export function drawPreviewPane(canvas: Canvas, { stage, bitmap, rendered, exact, background, before, checker, overMarks }: PreviewPane): void {
  clear(canvas, stage.viewport)
  if (before || !rendered) {
    drawImage(canvas, stage, bitmap)
    return
  }
  const { view, image } = stage
  canvas.fillStyle = background.kind === 'colour' ? background.colour : (checker ?? '#ffffff')
  canvas.fillRect(view.x, view.y, image.width * view.zoom, image.height * view.zoom)
  if (background.kind === 'picture') drawPicture(canvas, stage, rendered, background)
  drawImage(canvas, stage, exact ?? rendered.cutout)
  if (overMarks) drawMarks(canvas, marksOf(stage), stage.view)
}

function clear(canvas: Canvas, viewport: Size): void {
  canvas.clearRect(0, 0, viewport.width, viewport.height)
}

function drawImage(canvas: Canvas, { view, image }: Stage, bitmap: ImageBitmap): void {
  // Above 200 % a pixel is shown as one, so that a mark can be set on it.
  canvas.imageSmoothingEnabled = (view.zoom * image.width) / bitmap.width < 2
  canvas.imageSmoothingQuality = 'high'
  canvas.drawImage(bitmap, view.x, view.y, image.width * view.zoom, image.height * view.zoom)
}

function drawPicture(canvas: Canvas, { view, image }: Stage, { box, cutout }: Rendered, { bitmap, frame }: Extract<Background, { kind: 'picture' }>): void {
  const to = outputBox(box, cutout, image, frame)
  const from = covering(bitmap, to)
  canvas.imageSmoothingQuality = 'high'
  canvas.drawImage(
    bitmap, from.x0, from.y0, from.x1 - from.x0, from.y1 - from.y0,
    view.x + to.x0 * view.zoom, view.y + to.y0 * view.zoom, (to.x1 - to.x0) * view.zoom, (to.y1 - to.y0) * view.zoom,
  )
}

function drawBrush(canvas: Canvas, at: { x: number; y: number }, stage: Stage): void {
  circle(canvas, at, stage.brush)
  canvas.lineWidth = 3
  canvas.strokeStyle = 'rgba(255, 255, 255, 0.9)'
  canvas.stroke()
  canvas.lineWidth = 1.25
  canvas.strokeStyle = stage.tool === 'eraser' ? '#334155' : MARK[stage.brushLabel].line
  canvas.stroke()
}

function drawCrosshair(canvas: Canvas, at: { x: number; y: number }): void {
  for (const [width, colour] of [[4, '#ffffff'], [1.5, MARK.box]] as const) {
    canvas.lineWidth = width
    canvas.strokeStyle = colour
    canvas.beginPath()
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      canvas.moveTo(at.x + dx * 5, at.y + dy * 5)
      canvas.lineTo(at.x + dx * 16, at.y + dy * 16)
    }
    canvas.stroke()
  }
}

/** The checkerboard under transparent pixels, 8 CSS pixels a square. */
export function checkerPattern(canvas: Canvas): CanvasPattern | null {
  const tile = new OffscreenCanvas(16, 16)
  const context = tile.getContext('2d')
  if (!context) return null
  context.fillStyle = '#ffffff'
  context.fillRect(0, 0, 16, 16)
  context.fillStyle = '#dfe3ea'
  context.fillRect(0, 0, 8, 8)
  context.fillRect(8, 8, 8, 8)
  return canvas.createPattern(tile, 'repeat')
}
