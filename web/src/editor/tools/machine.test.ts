import { describe, expect, it } from 'vitest'
import { at, distance } from '../geometry/spaces'
import { toImage, toScreen } from '../geometry/view'
import { dispatch, type StageEvent } from './machine'
import { draftOf, openStage, pathOf, type PointerInput, type Stage } from './stage'

/** Drives the stage like a hand; every step returns the driver, so a test reads as a sentence. */
class Driver {
  stage: Stage
  private ids = 0
  private last = at<'screen'>(0, 0)

  constructor(image = { width: 1000, height: 800 }) {
    this.stage = openStage(image, { width: 1048, height: 848 }, () => `m${String(this.ids++)}`)
  }

  send(event: StageEvent): this {
    this.stage = dispatch(this.stage, event)
    return this
  }

  private pointer(x: number, y: number, input: Partial<PointerInput>): PointerInput {
    this.last = at(x, y)
    return { id: 1, at: this.last, touch: false, button: 0, alt: false, shift: false, ...input }
  }

  tool(tool: Stage['tool']): this {
    return this.send({ type: 'tool', tool })
  }

  pointerDown(x: number, y: number, input: Partial<PointerInput> = {}): this {
    return this.send({ type: 'down', pointer: this.pointer(x, y, input) })
  }

  pointerMove(x: number, y: number, input: Partial<PointerInput> = {}): this {
    return this.send({ type: 'move', pointer: this.pointer(x, y, input) })
  }

  pointerUp(input: Partial<PointerInput> = {}): this {
    return this.send({ type: 'up', pointer: this.pointer(this.last.x, this.last.y, input) })
  }

  click(x: number, y: number, input: Partial<PointerInput> = {}): this {
    return this.pointerDown(x, y, input).pointerUp(input)
  }

  expectToBeIn(path: string): this {
    expect(pathOf(this.stage)).toBe(path)
    return this
  }

  expectMarks(...marks: string[]): this {
    expect(this.stage.document.marks.map((mark) => `${mark.kind} ${mark.label}`)).toEqual(marks)
    return this
  }
}

const touch = (id: number): Partial<PointerInput> => ({ id, touch: true })

describe('keep and remove', () => {
  it('a click keeps, in ImageSpace', () => {
    const driver = new Driver().pointerDown(124, 224).expectToBeIn('keep.pointing').pointerUp().expectToBeIn('keep.idle')
    driver.expectMarks('point keep')
    // 1000×800 in 1048×848 with 24 px padding is shown 1:1 at (24, 24).
    expect(driver.stage.document.marks[0]?.points).toEqual([{ x: 100, y: 200 }])
  })

  it.each([{ button: 2 }, { alt: true }, { shift: true }])('%o removes', (input) => {
    new Driver().click(300, 300, input).expectMarks('point remove')
    new Driver().tool('brush').click(300, 300, input).expectMarks('stroke remove')
  })

  it('a shaking hand still clicks; a real drag is a stroke from where it began', () => {
    new Driver().pointerDown(100, 100).pointerMove(102, 101).expectToBeIn('keep.pointing').pointerUp().expectMarks('point keep')
    const driver = new Driver().tool('remove').pointerDown(124, 124).pointerMove(224, 124).expectToBeIn('remove.drawing')
    driver.pointerUp().expectMarks('stroke remove')
    expect(driver.stage.document.marks[0]?.points[0]).toEqual({ x: 100, y: 100 })
  })

  it('a click on a point deletes it, and undo brings it back', () => {
    const driver = new Driver().click(300, 300).pointerMove(304, 300)
    expect(driver.stage.hoveredMark).toBe('m0')
    driver.pointerDown(304, 300).expectToBeIn('keep.deleting').pointerUp().expectMarks()
    driver.send({ type: 'undo' }).expectMarks('point keep')
  })

  it('hovers only over the image', () => {
    expect(new Driver().pointerMove(324, 224).stage.hover).toEqual({ x: 300, y: 200 })
    expect(new Driver().pointerMove(3, 3).stage.hover).toBeNull()
  })

  it('Esc leaves no trace of the gesture', () => {
    new Driver().pointerDown(100, 100).pointerMove(300, 300).send({ type: 'cancel' }).expectToBeIn('keep.idle').pointerUp().expectMarks()
  })

  it('a mark begun outside the image lands on its border', () => {
    const driver = new Driver().click(2, 400)
    expect(driver.stage.document.marks[0]?.points[0]?.x).toBe(0)
  })
})

describe('brush and eraser', () => {
  it('paints with the radius the screen shows', () => {
    const driver = new Driver().tool('brush').send({ type: 'zoom', factor: 2 }).send({ type: 'brush-size', radius: 30 })
    driver.pointerDown(400, 400).expectToBeIn('brush.drawing').pointerMove(500, 400)
    expect(draftOf(driver.stage)).toMatchObject({ kind: 'stroke', label: 'keep' })
    driver.pointerUp().expectMarks('stroke keep')
    expect(driver.stage.document.marks[0]).toMatchObject({ radius: 30 / driver.stage.view.zoom })
  })

  it('drops points nearer than the eye sees', () => {
    const driver = new Driver().tool('brush').pointerDown(100, 100)
    for (let i = 0; i < 100; i++) driver.pointerMove(100 + i * 0.1, 100)
    driver.pointerUp()
    expect(driver.stage.document.marks[0]?.points.length).toBeLessThan(8)
  })

  it('erases what it touches as one undo step', () => {
    const driver = new Driver().click(200, 200).click(400, 200).click(600, 600)
    driver.tool('eraser').pointerDown(190, 200).expectToBeIn('eraser.erasing').pointerMove(420, 200).pointerUp()
    driver.expectMarks('point keep').send({ type: 'undo' }).expectMarks('point keep', 'point keep', 'point keep')
  })

  it('keeps the brush within its limits', () => {
    expect(new Driver().send({ type: 'brush-size', radius: 9999 }).stage.brush).toBe(120)
    expect(new Driver().send({ type: 'brush-size', radius: 0 }).stage.brush).toBe(2)
  })
})

describe('box', () => {
  it('is drawn from any corner', () => {
    const driver = new Driver().tool('box').pointerDown(524, 424).expectToBeIn('box.boxing').pointerMove(124, 224).pointerUp()
    driver.expectMarks('box keep')
    expect(driver.stage.document.marks[0]?.points).toEqual([{ x: 100, y: 200 }, { x: 500, y: 400 }])
  })

  it('a slip is no box', () => {
    new Driver().tool('box').pointerDown(200, 200).pointerMove(203, 260).pointerUp().expectMarks()
  })
})

describe('pan and zoom', () => {
  it('pans with the tool, with space and with the middle button', () => {
    for (const arm of [(d: Driver) => d.tool('pan'), (d: Driver) => d.send({ type: 'space', held: true })]) {
      const driver = arm(new Driver())
      driver.pointerDown(300, 300).pointerMove(340, 310).pointerUp().expectMarks()
      expect(driver.stage.view).toMatchObject({ x: 64, y: 34 })
    }
    new Driver().pointerDown(300, 300, { button: 1 }).expectToBeIn('keep.panning')
  })

  it('wheel zoom keeps the point under the pointer, up to 800 %', () => {
    const driver = new Driver()
    const anchor = at<'screen'>(324, 224)
    for (let i = 0; i < 60; i++) driver.send({ type: 'wheel', at: anchor, dx: 0, dy: -120, zoom: true })
    expect(driver.stage.view.zoom).toBe(8)
    expect(distance(toImage(driver.stage.view, anchor), at(300, 200))).toBeLessThan(1e-6)
    for (let i = 0; i < 99; i++) driver.send({ type: 'wheel', at: anchor, dx: 0, dy: 120, zoom: true })
    expect(driver.stage.view.zoom).toBe(0.5)
    expect(driver.send({ type: 'fit' }).stage.view).toEqual({ zoom: 1, x: 24, y: 24 })
  })

  it('never loses the image', () => {
    const driver = new Driver().send({ type: 'wheel', at: at(0, 0), dx: 1e6, dy: 1e6, zoom: false })
    const corner = toScreen(driver.stage.view, at(1000, 800))
    expect(corner.x).toBeGreaterThan(0)
    expect(corner.y).toBeGreaterThan(0)
  })

  it('follows the viewport until the user has moved', () => {
    const resize = { type: 'resize', viewport: { width: 548, height: 448 } } as const
    expect(new Driver().send(resize).stage.view.zoom).toBe(0.5)
    expect(new Driver().send({ type: 'zoom', factor: 2 }).send(resize).stage.view.zoom).toBe(2)
  })
})

describe('touch', () => {
  it('one finger marks', () => {
    new Driver().pointerDown(200, 200, touch(1)).pointerUp(touch(1)).expectMarks('point keep')
  })

  it('two fingers pinch and pan, and leave no mark', () => {
    const driver = new Driver().pointerDown(400, 400, touch(1)).pointerDown(600, 400, touch(2)).expectToBeIn('keep.pinching')
    driver.pointerMove(300, 400, touch(1)).pointerMove(700, 400, touch(2))
    expect(driver.stage.view.zoom).toBeCloseTo(2, 6)
    driver.pointerUp(touch(1)).expectToBeIn('keep.pinching').pointerMove(650, 500, touch(2)).pointerUp(touch(2))
    driver.expectToBeIn('keep.idle').expectMarks()
  })

  it('a second finger takes back the first one’s stroke', () => {
    const driver = new Driver().tool('brush').pointerDown(400, 400, touch(1)).pointerMove(450, 400, touch(1))
    driver.pointerDown(600, 400, touch(2)).pointerUp(touch(2)).pointerUp(touch(1)).expectMarks()
  })
})

describe('keyboard', () => {
  it('arrows show and move a cross-hair, Enter marks there', () => {
    const driver = new Driver().send({ type: 'crosshair', dx: 10, dy: 0 })
    expect(driver.stage.crosshair).toEqual({ x: 500, y: 400 })
    driver.send({ type: 'crosshair', dx: 10, dy: -5 }).send({ type: 'place' }).expectMarks('point keep')
    expect(driver.stage.document.marks[0]?.points).toEqual([{ x: 510, y: 395 }])
    driver.tool('brush').send({ type: 'brush-label', label: 'remove' }).send({ type: 'place' })
    driver.expectMarks('point keep', 'stroke remove')
  })
})
