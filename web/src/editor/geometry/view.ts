/** Where the image lies on the screen. */
import { at, type ImagePoint, type ScreenPoint, type Size } from './spaces'

export interface View {
  /** CSS pixels per ImageSpace pixel. */
  readonly zoom: number
  /** Screen position of the image's top left corner. */
  readonly x: number
  readonly y: number
}

/** 800 %: beyond it a pixel of the working image is a tile and marks cannot be placed any better. */
const MAX_ZOOM = 8

export function toScreen(view: View, p: ImagePoint): ScreenPoint {
  return at(p.x * view.zoom + view.x, p.y * view.zoom + view.y)
}

export function toImage(view: View, p: ScreenPoint): ImagePoint {
  return at((p.x - view.x) / view.zoom, (p.y - view.y) / view.zoom)
}

/** The whole image, centred, with `padding` CSS pixels around it. A small image is not blown up beyond 4×. */
export function fit(image: Size, viewport: Size, padding = 24): View {
  const room = { width: Math.max(1, viewport.width - 2 * padding), height: Math.max(1, viewport.height - 2 * padding) }
  const zoom = Math.min(room.width / image.width, room.height / image.height, 4)
  return centre(image, viewport, zoom)
}

function centre(image: Size, viewport: Size, zoom: number): View {
  return { zoom, x: (viewport.width - image.width * zoom) / 2, y: (viewport.height - image.height * zoom) / 2 }
}

/** Zooms by `factor` so that the image point under `anchor` stays under it. */
export function zoomAt(view: View, anchor: ScreenPoint, factor: number, image: Size, viewport: Size): View {
  const whole = fit(image, viewport).zoom
  const zoom = Math.min(Math.max(MAX_ZOOM, whole), Math.max(whole / 2, view.zoom * factor))
  const scale = zoom / view.zoom
  return keepReachable(
    { zoom, x: anchor.x - (anchor.x - view.x) * scale, y: anchor.y - (anchor.y - view.y) * scale },
    image,
    viewport,
  )
}

export function panBy(view: View, dx: number, dy: number, image: Size, viewport: Size): View {
  return keepReachable({ ...view, x: view.x + dx, y: view.y + dy }, image, viewport)
}

/** At least this much of the image stays on screen, so it can never be lost by panning. */
const REACHABLE = 64

function keepReachable(view: View, image: Size, viewport: Size): View {
  const clamp = (value: number, length: number, room: number): number =>
    Math.min(room - Math.min(REACHABLE, length), Math.max(Math.min(REACHABLE, length) - length, value))
  return {
    zoom: view.zoom,
    x: clamp(view.x, image.width * view.zoom, viewport.width),
    y: clamp(view.y, image.height * view.zoom, viewport.height),
  }
}
