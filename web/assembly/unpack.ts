/**
 * The reading half of app/segmentation/entropy.py and the sum over the codec's basis, in AssemblyScript: 40 ms where plain
 * JavaScript took 250. Pointers are byte offsets into the memory, which belongs to the caller (src/inference/codec/unpack.ts).
 */

const LEVELS: u32 = 20
const UNARY: u32 = 14
const ZERO: u32 = 0
const MAGNITUDE: u32 = ZERO + LEVELS * 3
const SIGN: u32 = MAGNITUDE + LEVELS * UNARY
const USED: u32 = SIGN + 16
const CONTEXTS: u32 = USED + 2
const ACTIVITY: i32 = 4096
const LARGEST: i32 = 1023
const THIRD: i32 = 42
const LONGEST_ESCAPE: u32 = 24
const TOP: u32 = 1 << 24
const FAST: u32 = 4
const SLOW: u32 = 7
/** Positions whose channels are summed together: a cache line of every plane. */
const BLOCK: i32 = 16

/** By activity (expected size in 1/16): the context level, two an octave; how many low bits are raw. */
const LEVEL = memory.data(4096)
const RAW = memory.data(4096)
for (let activity: i32 = 0; activity < ACTIVITY; activity++) {
  const octave = 28 - clz(max(activity, 8)) // floor(log2(activity / 8))
  const level = activity < 8 ? activity >> 1 : 4 + 2 * octave + ((activity >> (octave + 2)) & 1)
  store<u8>(LEVEL + activity, <u8>min(level, LEVELS - 1))
  store<u8>(RAW + activity, activity <= 64 ? 0 : <u8>(32 - clz((activity + 65) / 65 - 1)))
}

/** Two probabilities of a 0 for every context, in 1/65536: one adapts fast, one slowly. */
const ODDS = memory.data(1432) // 4 · CONTEXTS

// The range coder (app/segmentation/rangecoder.py)
let low: u32 = 0
let span: u32 = 0
let at: usize = 0
let end: usize = 0

/** Where the caller's memory begins. */
export function base(): usize {
  return __heap_base
}

function begin(bytes: usize, length: usize): void {
  for (let i: u32 = 0; i < 2 * CONTEXTS; i++) store<u16>(ODDS + 2 * i, 1 << 15)
  low = 0
  span = 0xffffffff
  at = bytes
  end = bytes + length
  for (let i = 0; i < 4; i++) pull()
}

/** Zeros follow the end. */
@inline
function pull(): void {
  low = (low << 8) | (at < end ? <u32>load<u8>(at) : 0)
  at++
}

@inline
function bit(context: u32): u32 {
  const place = ODDS + 4 * context
  const fast = <u32>load<u16>(place)
  const slow = <u32>load<u16>(place, 2)
  const bound = (span >> 16) * ((fast + slow) >> 1)
  const mask: u32 = 0 - <u32>(low >= bound) // bits are as good as random: nothing branches on them
  low -= bound & mask
  span = bound + ((span - 2 * bound) & mask)
  store<u16>(place, fast + (((65535 - fast) >> FAST) & ~mask) - ((fast >> FAST) & mask))
  store<u16>(place, slow + (((65535 - slow) >> SLOW) & ~mask) - ((slow >> SLOW) & mask), 2)
  while (span < TOP) {
    span <<= 8
    pull()
  }
  return mask & 1
}

/** `count` bits of probability 1/2, highest first. */
function bits(count: u32): u32 {
  let found: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    span >>= 1
    const mask: u32 = 0 - <u32>(low >= span)
    low -= span & mask
    found = (found << 1) | (mask & 1)
    if (span < TOP) {
      span <<= 8
      pull()
    }
  }
  return found
}

/** Exponential Golomb code of order 0. */
function escape(): u32 {
  let length: u32 = 0
  while (length < LONGEST_ESCAPE && bits(1)) length++
  return (1 << length) + bits(length) - 1
}

/** One leftover; `fraction`: how far the prediction lay from its rounding, in 1/256. */
function value(fraction: i32, activity: i32): i32 {
  const level = <u32>load<u8>(LEVEL + activity)
  const side: u32 = fraction < -THIRD ? 0 : fraction > THIRD ? 2 : 1
  if (!bit(ZERO + level * 3 + side)) return 0
  const positive = bit(SIGN + ((fraction + 128) >> 4))
  let high: u32 = 0
  while (high < UNARY && bit(MAGNITUDE + level * UNARY + high)) high++
  if (high == UNARY) high += escape()
  const raw = <u32>load<u8>(RAW + activity)
  const size = <i32>((high << raw) + bits(raw) + 1)
  return positive ? size : -size
}

/** `first` and `second`: leftovers of the two planes before; `own`: this one's, which are set. */
function readPlane(
  plane: usize, size: i32, width: i32, first: usize, second: usize, own: usize, weights: usize, usual: i32, ratio: i32,
): void {
  const toLeft = <i64>load<i16>(weights), toUp = <i64>load<i16>(weights, 2)
  const toCorner = <i64>load<i16>(weights, 4), toRight = <i64>load<i16>(weights, 6)
  for (let i = 0, x = 0; i < size; i++, x = x + 1 == width ? 0 : x + 1) {
    let guess: i64 = 0
    let around = (6 * usual) >> 4
    if (i >= width) {
      const up = i - width
      const left = x ? i - 1 : up
      const corner = x ? up - 1 : up
      const right = x + 1 < width ? up + 1 : up
      guess = toLeft * load<i32>(plane + 4 * left) + toUp * load<i32>(plane + 4 * up)
        + toCorner * load<i32>(plane + 4 * corner) + toRight * load<i32>(plane + 4 * right)
      around = 2 * load<i32>(own + 4 * left) + 2 * load<i32>(own + 4 * up) + load<i32>(own + 4 * corner) + load<i32>(own + 4 * right)
    } else if (i > 0) {
      guess = (toLeft + toUp + toCorner + toRight) * load<i32>(plane + 4 * (i - 1))
      around = 6 * load<i32>(own + 4 * (i - 1))
    }
    const below = min((16 * (load<i32>(first + 4 * i) + load<i32>(second + 4 * i)) * ratio) >> 8, 16383)
    const activity = <i32>min<i64>((<i64>(6 * usual + 64 * around + 12 * below) * 1561) >> 16, ACTIVITY - 1)
    const rounded = (guess + 128) >> 8
    const leftover = value(<i32>(guess - (rounded << 8)), activity)
    store<i32>(own + 4 * i, min(abs(leftover), LARGEST))
    store<i32>(plane + 4 * i, <i32>rounded + leftover)
  }
}

/**
 * int32 planes [count, size] of `length` bytes; false when these end too early. `predictor`: int16 [count, 4]; `spread`: int32
 * [count]; `errors`: int32 [3, size] to work in.
 */
export function decodePlanes(
  bytes: usize, length: usize, planes: usize, count: i32, size: i32, width: i32, predictor: usize, spread: usize, errors: usize,
): bool {
  begin(bytes, length)
  memory.fill(planes, 0, <usize>count * size * 4)
  memory.fill(errors, 0, 12 * size)
  let second = errors, first = errors + 4 * size, own = errors + 8 * size
  for (let k = 0; k < count; k++) {
    if (bit(USED + (k ? 1 : 0))) {
      const usual = load<i32>(spread + 4 * k)
      const before = (k > 0 ? load<i32>(spread + 4 * (k - 1)) : 0) + (k > 1 ? load<i32>(spread + 4 * (k - 2)) : 0)
      const ratio = k ? <i32>min<i64>((<i64>usual << 8) / max(before, 1), 1 << 12) : 0
      readPlane(planes + <usize>k * size * 4, size, width, first, second, own, predictor + 8 * k, usual, ratio)
    } else memory.fill(own, 0, 4 * size)
    if (at > end) return false
    const oldest = second
    second = first
    first = own
    own = oldest
  }
  return true
}

/** sums += weight · row */
@inline
function addRow(sums: usize, row: usize, channels: i32, weight: f32): void {
  const weights = f32x4.splat(weight)
  let c = 0
  for (; c + 4 <= channels; c += 4) {
    v128.store(sums + 4 * c, f32x4.add(v128.load(sums + 4 * c), f32x4.mul(weights, v128.load(row + 4 * c))))
  }
  for (; c < channels; c++) store<f32>(sums + 4 * c, load<f32>(sums + 4 * c) + weight * load<f32>(row + 4 * c))
}

/**
 * channels = inverseᵀ · coefficients · scale + mean, for the cells [x, x + width) x [y, y + size / width) of float32 `out`
 * [channels, side, side]. `inverse`: float32 [rank, channels]; `mean`: [channels]; `sums`: float32 [16, channels] to work in.
 * Most coefficients are 0, so each cell adds up only those that are not.
 */
export function toChannels(
  planes: usize, size: i32, width: i32, rank: i32, channels: i32, inverse: usize, mean: usize, scale: f32,
  out: usize, side: i32, x: i32, y: i32, sums: usize,
): void {
  const row = 4 * channels
  for (let from = 0; from < size; ) {
    const column = from % width
    const cells = min(BLOCK, width - column)
    for (let i = 0; i < cells; i++) memory.copy(sums + i * row, mean, row)
    for (let k = 0; k < rank; k++) {
      const plane = planes + 4 * (k * size + from)
      for (let i = 0; i < cells; i++) {
        const coefficient = load<i32>(plane + 4 * i)
        if (coefficient) addRow(sums + i * row, inverse + k * row, channels, <f32>coefficient * scale)
      }
    }
    const place = out + 4 * ((y + from / width) * side + x + column)
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < cells; i++) store<f32>(place + 4 * (c * side * side + i), load<f32>(sums + i * row + 4 * c))
    }
    from += cells
  }
}
