import { describe, expect, it } from 'vitest'
import { frameOf, MASK_SIDE, type Frame } from '../geometry/frame'
import { at, type Box, type ImagePoint } from '../geometry/spaces'
import type { DrawnMark, Mark, RefineMark } from '../document/marks'
import type { Start } from '../document/history'
import { Layered, partsOf, type CropDrawing, type Drawing } from './layered'
import { sampled, whole, type CropMask, type Mask } from './layers'

const SIZE = { width: 1024, height: 512 }
const FRAME = frameOf(SIZE, 'pad')
const flat = (logit: number): Float32Array => new Float32Array(MASK_SIDE * MASK_SIDE).fill(logit)
const boxOf = (x0: number, y0: number, x1: number, y1: number): Box<'image'> => ({ min: at(x0, y0), max: at(x1, y1) })
const sizeOf = ({ min, max }: Box<'image'>): typeof SIZE => ({ width: max.x - min.x, height: max.y - min.y })
const cropOf = (box: Box<'image'>, logit: number): CropMask => ({ box, frame: frameOf(sizeOf(box), 'pad'), logits: flat(logit) })
/** One value an ImageSpace pixel. */
const everywhere = (mask: Mask): Float32Array => sampled(mask, FRAME, { origin: at(0, 0), step: { x: 1, y: 1 }, ...SIZE })
const pixel = (values: Float32Array, x: number, y: number): number => values[y * SIZE.width + x] ?? NaN

describe('a mask with finer parts', () => {
  it('is the finest there is at each pixel, and passes from one to the other at a part’s border', () => {
    const values = everywhere({ logits: flat(-8), crops: [cropOf(boxOf(256, 128, 512, 256), 8), cropOf(boxOf(300, 150, 364, 214), 2)] })
    expect([pixel(values, 10, 10), pixel(values, 255, 200), pixel(values, 512, 200)]).toEqual([-8, -8, -8])
    expect([pixel(values, 270, 200), pixel(values, 332, 182)]).toEqual([8, 2])
    const across = [256, 257].map((x) => pixel(values, x, 200)) // two mask pixels of the crop are two of these
    expect(across).toEqual([-4, 4])
  })

  it('has no seam where a part ends with the image', () => {
    const values = everywhere({ logits: flat(-8), crops: [cropOf(boxOf(0, 0, 256, 512), 8)] })
    expect([pixel(values, 0, 0), pixel(values, 0, 511), pixel(values, 128, 0)]).toEqual([8, 8, 8])
    expect(pixel(values, 255, 300)).toBeLessThan(8)
  })

  it('places a part’s own pixels where they are in the image', () => {
    const box = boxOf(256, 128, 512, 256)
    const edge = { ...cropOf(box, 0), logits: Float32Array.from({ length: MASK_SIDE ** 2 }, (_, i) => (i % MASK_SIDE) - 99.5) }
    const values = everywhere({ logits: flat(-8), crops: [edge] }) // a mask pixel of the crop is an image pixel
    expect([pixel(values, 355, 200), pixel(values, 356, 200)]).toEqual([-0.5, 0.5])
  })
})

const point = (id: string, x: number, y: number): DrawnMark => ({ id, kind: 'point', label: 'keep', points: [at(x, y)] })
const box = (id: string, of: Box<'image'>): DrawnMark => ({ id, kind: 'box', label: 'keep', points: [of.min, of.max] })
const refine = (id: string, of: Box<'image'>): RefineMark => ({ id, kind: 'refine', label: 'keep', points: [of.min, of.max], crop: `crop-${id}` })

describe('marks and the parts that they are drawn in', () => {
  const part = refine('r', boxOf(200, 100, 400, 300))

  it('go to the latest part that holds all of them, in its own pixels, and else to the whole', () => {
    const stroke: DrawnMark = { id: 's', kind: 'stroke', label: 'remove', radius: 4, points: [at(390, 200), at(410, 200)] }
    const inner = refine('q', boxOf(250, 150, 300, 200))
    const { base, parts } = partsOf([point('before', 250, 160), part, point('a', 210, 120), stroke, inner, point('b', 260, 170), point('c', 210, 120)])
    expect(base.map(({ id }) => id)).toEqual(['before', 's'])
    expect(parts.map(({ marks }) => marks.map(({ id, points }) => [id, ...points.map((p): ImagePoint => at(p.x, p.y))]))).toEqual([
      [['a', at(10, 20)], ['c', at(10, 20)]],
      [['b', at(10, 20)]],
    ])
    expect(parts.map(({ before }) => before.length)).toEqual([1, 4])
  })

  it('begin anew with a box', () => {
    const { base, parts } = partsOf([part, point('a', 210, 120), box('b', boxOf(0, 0, 50, 50)), point('c', 210, 120)])
    expect([base.map(({ id }) => id), parts]).toEqual([['b', 'c'], []])
  })
})

describe('drawing in parts', () => {
  const part = refine('r', boxOf(200, 100, 456, 228))
  /** Says of each mark that it was drawn: the mask's logits are the number of marks. */
  const counting = (from: number): Drawing => ({
    after: (marks, start: Start) => Promise.resolve({ logits: flat(from + marks.length + (start === 'auto' ? 0 : 100)), decodes: marks.length }),
  })

  function layered(): { layers: Layered; opened: [string, number][] } {
    const opened: [string, number][] = []
    const open = ({ crop }: RefineMark, start: (frame: Frame) => Float32Array): Promise<CropDrawing> => {
      const frame = frameOf(sizeOf(boxOf(200, 100, 456, 228)), 'pad')
      const from = start(frame)[0] ?? NaN
      opened.push([crop, from])
      return Promise.resolve({ frame, after: (marks, at) => counting(10 * from).after(marks, at) })
    }
    return { layers: new Layered(FRAME, counting(1), open), opened }
  }

  it('starts a part from what there was, opens it once, and asks it for its own marks', async () => {
    const { layers, opened } = layered()
    const marks: Mark[] = [point('a', 10, 10), part, point('b', 300, 200)]
    const first = await layers.after(marks, 'auto')
    expect(first.mask).toEqual({ logits: flat(2), crops: [expect.objectContaining({ logits: flat(21) })] })
    expect(first.decodes).toBe(2)
    await layers.after([...marks, point('c', 300, 210), point('d', 20, 10)], 'auto')
    expect(opened).toEqual([['crop-r', 2]])
  })

  it('opens it again over another beginning', async () => {
    const { layers, opened } = layered()
    await layers.after([part], 'auto')
    await layers.after([point('a', 10, 10), part], 'auto')
    expect(opened).toEqual([['crop-r', 1], ['crop-r', 2]])
  })

  it('opens each part once, however many there are', async () => {
    const { layers, opened } = layered()
    const parts = Array.from({ length: 20 }, (_, i) => refine(`r${i}`, boxOf(200, 100, 456, 228)))
    await layers.after(parts, 'auto')
    await layers.after([...parts, point('a', 300, 200)], 'auto')
    expect(opened.map(([crop]) => crop)).toEqual(parts.map(({ crop }) => crop))
  })

  it('tries again what could not be opened', async () => {
    let fail = true
    const open = (): Promise<CropDrawing> => (fail ? Promise.reject(new Error('gone')) : Promise.resolve({ frame: FRAME, ...counting(5) }))
    const layers = new Layered(FRAME, counting(1), open)
    await expect(layers.after([part], 'auto')).rejects.toThrow('gone')
    fail = false
    expect((await layers.after([part], 'auto')).mask.crops).toHaveLength(1)
  })
})

it('without parts a mask is what it was', () => {
  expect(everywhere(whole(flat(3)))).toEqual(new Float32Array(SIZE.width * SIZE.height).fill(3))
})
