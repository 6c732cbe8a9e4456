/** The compiled half of the codec (assembly/unpack.ts): planes from their bytes, channels from planes. */
import binary from './unpack.wasm'

interface Compiled {
  readonly memory: WebAssembly.Memory
  base(): number
  decodePlanes(
    bytes: number, length: number, planes: number, count: number, size: number, width: number,
    predictor: number, spread: number, errors: number,
  ): number
  toChannels(
    planes: number, size: number, width: number, rank: number, channels: number, inverse: number, mean: number, scale: number,
    out: number, side: number, x: number, y: number, sums: number,
  ): void
}

/** What is known of K planes beforehand. */
export interface PlaneModel {
  /** [K, 4] weights of left, up, up-left, up-right in 1/256. */
  readonly predictor: Int16Array
  /** [K] usual size of what the predictor leaves, in 1/16, at least 1. */
  readonly spread: Int32Array
}

/** A part of the frame, in cells. */
export interface Cells {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** C channels of K coefficients. */
export interface Transform {
  /** [K, C] */
  readonly inverse: Float32Array
  /** [C] */
  readonly mean: Float32Array
  readonly scale: number
}

const PAGE = 65_536
const BLOCK = 16

/** One tensor of `channels` x `side` x `side`, part after part. */
export class Unpacking {
  private readonly wasm = compiled()
  private free = this.wasm.base()
  private readonly out: number

  constructor(
    private readonly channels: number,
    private readonly side: number,
  ) {
    this.out = this.room(4 * channels * side * side)
  }

  /** False when the bytes end too early. */
  part(bytes: Uint8Array, cells: Cells, model: PlaneModel, { inverse, mean, scale }: Transform): boolean {
    const { wasm, channels } = this
    const start = this.free
    const rank = model.spread.length
    const size = cells.width * cells.height
    const planes = this.room(4 * rank * size)
    const whole = wasm.decodePlanes(
      this.put(bytes), bytes.length, planes, rank, size, cells.width,
      this.put(model.predictor), this.put(model.spread), this.room(12 * size),
    )
    if (whole) {
      wasm.toChannels(
        planes, size, cells.width, rank, channels, this.put(inverse), this.put(mean), scale,
        this.out, this.side, cells.x, cells.y, this.room(4 * BLOCK * channels),
      )
    }
    this.free = start
    return whole !== 0
  }

  /** A copy: the memory serves the next embedding. */
  result(): Float32Array {
    return new Float32Array(this.wasm.memory.buffer, this.out, this.channels * this.side * this.side).slice()
  }

  /** Where `bytes` bytes may be written, at a multiple of 16. */
  private room(bytes: number): number {
    const at = (this.free + 15) & ~15
    this.free = at + bytes
    const missing = this.free - this.wasm.memory.buffer.byteLength
    if (missing > 0) this.wasm.memory.grow(Math.ceil(missing / PAGE))
    return at
  }

  private put(values: Uint8Array | Int16Array | Int32Array | Float32Array): number {
    const at = this.room(values.byteLength)
    new Uint8Array(this.wasm.memory.buffer, at).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return at
  }
}

let instance: Compiled | null = null

/** Compiled on first use, in 1 ms: 3 KB need no request of their own. */
function compiled(): Compiled {
  const module = (): WebAssembly.Module => new WebAssembly.Module(Uint8Array.from(atob(binary), (letter) => letter.charCodeAt(0)))
  return (instance ??= new WebAssembly.Instance(module()).exports as unknown as Compiled)
}
