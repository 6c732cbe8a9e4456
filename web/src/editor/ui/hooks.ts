/** Stores and canvases for React. */
import { useEffect, useRef, useSyncExternalStore, type RefObject } from 'react'
import { sameParts, type Store } from '../../store'
import type { Canvas } from '../render/marks'
import { keepSized } from './sizing'

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get)
}

/** Re-renders only when the selected part changes; select parts that keep their identity. */
export function usePart<T, P>(store: Store<T>, select: (value: T) => P): P {
  return useSyncExternalStore(store.subscribe, () => select(store.get()))
}

/**
 * A canvas that is redrawn at most once a frame, after a part that it `sees` changed (looked at when one of `stores` does, and on
 * every render) or the box was resized. Nothing is rendered by React for it: a pointer move costs one draw and no reconciliation.
 */
export function usePainted(
  stores: readonly Pick<Store<unknown>, 'subscribe'>[],
  sees: (canvas: HTMLCanvasElement) => readonly unknown[],
  draw: (canvas: Canvas) => void,
  onResize?: (width: number, height: number) => void,
): RefObject<HTMLCanvasElement | null> {
  const ref = useRef<HTMLCanvasElement>(null)
  const latest = useRef({ sees, draw, onResize, look: () => {} })
  useEffect(() => {
    Object.assign(latest.current, { sees, draw, onResize })
    latest.current.look()
  })
  useEffect(() => {
    const canvas = ref.current
    const context = canvas?.getContext('2d')
    if (!canvas || !context) return
    let frame = 0
    let seen: readonly unknown[] = []
    let scale = devicePixelRatio
    const paint = (): void => {
      frame = 0
      seen = latest.current.sees(canvas)
      context.setTransform(scale, 0, 0, scale, 0, 0)
      latest.current.draw(context)
    }
    const schedule = (): void => {
      frame ||= requestAnimationFrame(paint)
    }
    const look = (): void => {
      if (!sameParts(latest.current.sees(canvas), seen)) schedule()
    }
    latest.current.look = look
    const release = keepSized(canvas, (ratio, { width, height }) => {
      scale = ratio
      latest.current.onResize?.(width, height)
      schedule()
    })
    const stops = stores.map((store) => store.subscribe(look))
    schedule()
    return () => {
      release()
      stops.forEach((stop) => stop())
      cancelAnimationFrame(frame)
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the array is new on every render, its stores are not
  }, stores)
  return ref
}
