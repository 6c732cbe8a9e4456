/** One handler set per kind of gesture. Each is a pure step from stage to stage; the machine decides who is asked. */
import { addMark, replaceMarks } from '../document/history'
import { erase, pointMarkAt, type Label } from '../document/marks'
import { distance, type ImagePoint, type ScreenPoint } from '../geometry/spaces'
import { panBy, toImage } from '../geometry/view'
import { IDLE, brushRadius, draftOf, imagePointOf, labelOf, type PointerInput, type Stage } from './stage'

/** A press that moves less is a click: 4 px is what a hand shakes on a mouse, 8 px on glass. */
const SLOP = { mouse: 4, touch: 8 }
/** Points of a stroke stand at least this far apart on screen: finer ones only make the request bigger. */
const STROKE_STEP = 2
/** A box smaller than this on screen was a slip. */
const MIN_BOX = 6
/** How near the pointer must come to a point mark to mean it: its drawn radius plus a little. */
export const POINT_REACH = 12

export function press(stage: Stage, input: PointerInput): Stage {
  const p = imagePointOf(stage, input.at)
  switch (stage.tool) {
    case 'keep':
    case 'remove':
      return pressPoint(stage, input)
    case 'brush':
      return startStroke(stage, labelOf(stage, input), [p])
    case 'eraser':
      return { ...stage, gesture: { at: 'erasing', path: [p] } }
    case 'box':
      return { ...stage, gesture: { at: 'boxing', from: p, to: p } }
    case 'pan':
      return startPan(stage, input.at)
  }
}

export function startPan(stage: Stage, at: ScreenPoint): Stage {
  return { ...stage, gesture: { at: 'panning', last: at } }
}

function pressPoint(stage: Stage, input: PointerInput): Stage {
  const under = pointMarkAt(stage.document.marks, toImage(stage.view, input.at), POINT_REACH / stage.view.zoom)
  if (under) return { ...stage, gesture: { at: 'deleting', markId: under.id } }
  return { ...stage, gesture: { at: 'pointing', label: labelOf(stage, input), from: input.at } }
}

function startStroke(stage: Stage, label: Label, points: readonly ImagePoint[]): Stage {
  return { ...stage, gesture: { at: 'drawing', label, points, radius: brushRadius(stage) } }
}

export function drag(stage: Stage, input: PointerInput): Stage {
  const { gesture } = stage
  switch (gesture.at) {
    case 'pointing': {
      const slop = input.touch ? SLOP.touch : SLOP.mouse
      if (distance(gesture.from, input.at) < slop) return stage
      return extend(startStroke(stage, gesture.label, [imagePointOf(stage, gesture.from)]), input)
    }
    case 'drawing':
    case 'erasing':
      return extend(stage, input)
    case 'boxing':
      return { ...stage, gesture: { ...gesture, to: imagePointOf(stage, input.at) } }
    case 'panning': {
      const { last } = gesture
      const view = panBy(stage.view, input.at.x - last.x, input.at.y - last.y, stage.image, stage.viewport)
      return { ...stage, view, fitted: false, gesture: { at: 'panning', last: input.at } }
    }
    case 'deleting':
    case 'idle':
    case 'pinching':
      return stage
  }
}

function extend(stage: Stage, input: PointerInput): Stage {
  const { gesture } = stage
  const p = imagePointOf(stage, input.at)
  const far = (path: readonly ImagePoint[]): boolean => {
    const last = path.at(-1)
    return last === undefined || distance(last, p) * stage.view.zoom >= STROKE_STEP
  }
  if (gesture.at === 'drawing' && far(gesture.points)) {
    return { ...stage, gesture: { ...gesture, points: [...gesture.points, p] } }
  }
  if (gesture.at === 'erasing' && far(gesture.path)) {
    return { ...stage, gesture: { ...gesture, path: [...gesture.path, p] } }
  }
  return stage
}

/** Ends the gesture and writes what it drew into the document: one gesture, one undo step. */
export function release(stage: Stage): Stage {
  const { gesture } = stage
  const idle: Stage = { ...stage, gesture: IDLE }
  switch (gesture.at) {
    case 'pointing': {
      const p = imagePointOf(stage, gesture.from)
      return placePoint(idle, p, gesture.label)
    }
    case 'deleting': {
      const marks = stage.document.marks.filter((mark) => mark.id !== gesture.markId)
      return { ...idle, document: replaceMarks(stage.document, marks), hoveredMark: null }
    }
    case 'erasing': {
      const radius = brushRadius(stage)
      const marks = stage.document.marks.flatMap((mark) => erase(mark, gesture.path, radius, stage.newId))
      return { ...idle, document: replaceMarks(stage.document, marks) }
    }
    case 'boxing':
      if (!bigEnough(stage, gesture.from, gesture.to)) return idle
      return commitDraft(stage)
    case 'drawing':
      return commitDraft(stage)
    case 'idle':
    case 'panning':
    case 'pinching':
      return idle
  }
}

export function placePoint(stage: Stage, p: ImagePoint, label: Label): Stage {
  const document = addMark(stage.document, { id: stage.newId(), kind: 'point', label, points: [p] })
  return { ...stage, document, hover: null }
}

function bigEnough(stage: Stage, a: ImagePoint, b: ImagePoint): boolean {
  return Math.min(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) * stage.view.zoom >= MIN_BOX
}

function commitDraft(stage: Stage): Stage {
  const draft = draftOf(stage)
  const idle: Stage = { ...stage, gesture: IDLE, hover: null }
  return draft ? { ...idle, document: addMark(stage.document, { ...draft, id: stage.newId() }) } : idle
}
