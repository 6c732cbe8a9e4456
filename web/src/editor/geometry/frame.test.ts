import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { frameOf, imageToMask, imageToModel, imageToWorking, maskContent, maskToImage, modelToImage, type Fit } from './frame'
import { at } from './spaces'

type Pair = [number, number]
interface Golden {
  cases: {
    fit: Fit
    image: Pair
    working: Pair
    content: Pair
    mask_content: Pair
    points: { image: Pair; working: Pair; model: Pair; mask: Pair }[]
  }[]
}

/** The same file that Python's spaces are held to. */
const golden = JSON.parse(readFileSync(new URL('../../../../tests/golden/coords.json', import.meta.url), 'utf8')) as Golden

const pair = (size: { width: number; height: number }): Pair => [size.width, size.height]
const near = (point: { x: number; y: number }, [x, y]: Pair): void => {
  expect(point.x).toBeCloseTo(x, 9)
  expect(point.y).toBeCloseTo(y, 9)
}

describe.each(golden.cases)('$fit $image', ({ fit, image, working, content, mask_content, points }) => {
  const frame = frameOf({ width: image[0], height: image[1] }, fit)

  it('has the sizes of Python', () => {
    expect([pair(frame.working), pair(frame.content), pair(maskContent(frame))]).toEqual([working, content, mask_content])
  })

  it('has the points of Python, there and back', () => {
    for (const point of points) {
      const p = at<'image'>(...point.image)
      near(imageToWorking(frame, p), point.working)
      near(imageToModel(frame, p), point.model)
      near(imageToMask(frame, p), point.mask)
      near(modelToImage(frame, at(...point.model)), point.image)
      near(maskToImage(frame, at(...point.mask)), point.image)
    }
  })
})
