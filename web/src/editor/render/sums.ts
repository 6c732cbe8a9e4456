/** Sums over boxes in constant time (Crow: Summed-area tables for texture mapping, SIGGRAPH 1984), of several terms at once. */
import type { Size } from '../geometry/spaces'

export class Sums {
  /** [h + 1 × w + 1 × terms]: everything above and to the left. Doubles: squares of 255 over 10⁶ cells need 36 bits. */
  private readonly table: Float64Array
  private readonly stride: number

  /** `fill` writes the terms of pixel `i` into `into`. */
  constructor({ width, height }: Size, private readonly terms: number, fill: (i: number, into: Float64Array) => void) {
    this.stride = (width + 1) * terms
    const table = (this.table = new Float64Array(this.stride * (height + 1)))
    const row = new Float64Array(terms)
    const value = new Float64Array(terms)
    for (let y = 0; y < height; y++) {
      row.fill(0)
      let at = (y + 1) * this.stride + terms
      for (let x = 0; x < width; x++) {
        fill(y * width + x, value)
        for (let k = 0; k < terms; k++, at++) table[at] = (table[at - this.stride] ?? 0) + (row[k] = (row[k] ?? 0) + (value[k] ?? 0))
      }
    }
  }

  /** Over x0 ≤ x < x1, y0 ≤ y < y1, times `share`, into `out`. */
  of(x0: number, y0: number, x1: number, y1: number, share: number, out: Float64Array): void {
    const { table, terms } = this
    const top = y0 * this.stride
    const bottom = y1 * this.stride
    for (let k = 0; k < terms; k++) {
      const right = x1 * terms + k
      const left = x0 * terms + k
      out[k] = share * ((table[bottom + right] ?? 0) - (table[bottom + left] ?? 0) - (table[top + right] ?? 0) + (table[top + left] ?? 0))
    }
  }
}
