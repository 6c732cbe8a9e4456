/** As many pixels as the screen has. */
import type { Size } from '../geometry/spaces'

/**
 * Sizes a canvas to its box, and anew when the box or the screen's pixel ratio changes: a window that is moved to a finer
 * screen keeps its size in CSS pixels, and no ResizeObserver hears of it. What is drawn is scaled by the ratio given here.
 */
export function keepSized(canvas: HTMLCanvasElement, onSized: (ratio: number, box: Size) => void): () => void {
  const stop = new AbortController()
  const size = (): void => {
    const { width, height } = canvas.getBoundingClientRect()
    canvas.width = Math.round(width * devicePixelRatio)
    canvas.height = Math.round(height * devicePixelRatio)
    onSized(devicePixelRatio, { width, height })
  }
  const watchRatio = (): void => {
    const changed = (): void => {
      size()
      watchRatio()
    }
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', changed, { once: true, signal: stop.signal })
  }
  const observer = new ResizeObserver(size)
  observer.observe(canvas)
  watchRatio()
  return () => {
    observer.disconnect()
    stop.abort()
  }
}
