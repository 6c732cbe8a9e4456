import { expect, it, vi } from 'vitest'
import { keepSized } from './sizing'

it('is sized anew for a screen of another ratio, and scaled by the ratio it was sized for', () => {
  const queries = new Map<string, EventTarget>()
  let resized = (): void => undefined
  class Observer {
    constructor(callback: () => void) {
      resized = callback
    }
    observe = (): void => undefined
    disconnect = (): void => undefined
  }
  vi.stubGlobal('ResizeObserver', Observer)
  vi.stubGlobal('matchMedia', (query: string) => {
    queries.set(query, new EventTarget())
    return queries.get(query)
  })
  const canvas = { width: 0, height: 0, getBoundingClientRect: () => ({ width: 100, height: 50 }) }
  const ratios: number[] = []
  const moveTo = (from: number, to: number): void => {
    vi.stubGlobal('devicePixelRatio', to)
    queries.get(`(resolution: ${from}dppx)`)?.dispatchEvent(new Event('change'))
  }

  vi.stubGlobal('devicePixelRatio', 1)
  const release = keepSized(canvas as unknown as HTMLCanvasElement, (ratio) => ratios.push(ratio))
  resized()
  expect(canvas).toMatchObject({ width: 100, height: 50 })
  moveTo(1, 2)
  expect(canvas).toMatchObject({ width: 200, height: 100 })
  moveTo(2, 1.5)
  expect(canvas).toMatchObject({ width: 150, height: 75 })
  release()
  moveTo(1.5, 1)
  expect(ratios).toEqual([1, 2, 1.5])
})
