/** The reading half of app/segmentation/rangecoder.py. */

const FAST = 4
const SLOW = 7
const TOP = 2 ** 24

export class RangeReader {
  private low = 0
  private span = 0xffffffff
  private at = 0
  /** Two probabilities of a 0 for every context, in 1/65536: one adapts fast, one slowly. */
  private readonly odds: Uint16Array

  constructor(
    private readonly bytes: Uint8Array,
    contexts: number,
  ) {
    this.odds = new Uint16Array(contexts * 2).fill(1 << 15)
    for (let i = 0; i < 4; i++) this.pull()
  }

  /** More was read than there is. */
  get overrun(): boolean {
    return this.at > this.bytes.length
  }

  bit(context: number): number {
    const odds = this.odds
    const fast = odds[2 * context] ?? 0
    const slow = odds[2 * context + 1] ?? 0
    const bound = Math.imul(this.span >>> 16, (fast + slow) >> 1) >>> 0
    const one = this.low >= bound
    if (one) {
      this.low = (this.low - bound) >>> 0
      this.span = (this.span - bound) >>> 0
      odds[2 * context] = fast - (fast >> FAST)
      odds[2 * context + 1] = slow - (slow >> SLOW)
    } else {
      this.span = bound
      odds[2 * context] = fast + ((65535 - fast) >> FAST)
      odds[2 * context + 1] = slow + ((65535 - slow) >> SLOW)
    }
    while (this.span < TOP) this.shift()
    return one ? 1 : 0
  }

  /** `count` bits of probability 1/2, highest first. */
  bits(count: number): number {
    let found = 0
    for (let i = 0; i < count; i++) {
      this.span >>>= 1
      const one = this.low >= this.span
      if (one) this.low = (this.low - this.span) >>> 0
      found = (found << 1) | (one ? 1 : 0)
      if (this.span < TOP) this.shift()
    }
    return found
  }

  private shift(): void {
    this.span = (this.span << 8) >>> 0
    this.pull()
  }

  private pull(): void {
    this.low = ((this.low << 8) | (this.bytes[this.at++] ?? 0)) >>> 0
  }
}
