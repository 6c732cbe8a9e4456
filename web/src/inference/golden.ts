/**
 * The start-up check: one decode of a made-up embedding, compared with what native onnxruntime gave. A driver that computes
 * wrongly is worse than none, and this is the only way to find out (WebGPU drivers do miscompile).
 */
import type { ModelManifest } from './manifest'
import references from './golden.json'
import { decoderFeeds, type ImageTensors } from './decoder'
import type { DecoderSession } from './sessions'

interface Reference {
  /** Sampled logits of output 0, at `STRIDE` pixels. */
  readonly logits: readonly number[]
  readonly iou: readonly number[]
}

export const STRIDE = 4099 // a prime: samples fall on ever other rows and columns
const TOLERANCE = 0.02 // of the reference's spread: WASM differs by 1e-5, fp32 WebGPU by 1e-3, a broken driver by 1

/** Reproducible in any language: a linear congruential generator (Numerical Recipes), mapped to ±0.5. */
export function noise(length: number): Float32Array {
  const out = new Float32Array(length)
  let state = 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[i] = state / 2 ** 32 - 0.5
  }
  return out
}

export function goldenTensors(session: DecoderSession, model: ModelManifest): ImageTensors {
  return model.tensors.map(({ name, shape }) => {
    const length = shape.reduce((product, side) => product * side, 1)
    return { name, tensor: session.tensor(noise(length), shape) }
  })
}

export const GOLDEN_PROMPT = { coords: Float32Array.of(512, 384, 0, 0), labels: Float32Array.of(1, -1) }

/** Whether this engine computes what it should. A model without a stored reference must at least answer finite numbers. */
export async function passesGolden(session: DecoderSession, model: ModelManifest): Promise<boolean> {
  const output = await session.run(decoderFeeds(session, goldenTensors(session, model), GOLDEN_PROMPT, null))
  const sampled = sample(output['logits'] ?? new Float32Array())
  const reference = (references as Record<string, Reference>)[model.decoder.sha256]
  if (!reference) return sampled.length > 0 && sampled.every(Number.isFinite)
  return near(sampled, reference.logits) && near([...(output['iou'] ?? [])], reference.iou)
}

export function sample(logits: Float32Array): number[] {
  return Array.from({ length: Math.ceil(logits.length / STRIDE) }, (_, i) => logits[i * STRIDE] ?? NaN)
}

function near(got: readonly number[], wanted: readonly number[]): boolean {
  const spread = Math.max(...wanted) - Math.min(...wanted)
  return got.length === wanted.length && wanted.every((value, i) => Math.abs((got[i] ?? NaN) - value) <= TOLERANCE * spread)
}
