/** The one decoder interface of all models (models/manifest.py): tensors of an image + a prompt → four masks and their IoU. */
import type { Prompt } from '../editor/decode/prompts'
import { MASK_SIDE } from '../editor/geometry/frame'
import type { DecoderSession, Tensor } from './sessions'

/** Made once per image; every click reuses them. */
export type ImageTensors = readonly { readonly name: string; readonly tensor: Tensor }[]

const NO_MASK = new Float32Array(MASK_SIDE * MASK_SIDE)

export function decoderFeeds(
  session: DecoderSession, image: ImageTensors, prompt: Prompt, before: Float32Array | null,
): Record<string, Tensor> {
  const points = prompt.labels.length
  return {
    ...Object.fromEntries(image.map(({ name, tensor }) => [name, tensor])),
    point_coords: session.tensor(prompt.coords, [1, points, 2]),
    point_labels: session.tensor(prompt.labels, [1, points]),
    mask_input: session.tensor(before ?? NO_MASK, [1, 1, MASK_SIDE, MASK_SIDE]),
    has_mask_input: session.tensor(Float32Array.of(before ? 1 : 0), [1]),
  }
}

export async function runDecoder(
  session: DecoderSession, image: ImageTensors, prompt: Prompt, before: Float32Array | null,
): Promise<{ logits: Float32Array; iou: Float32Array }> {
  const { logits, iou } = await session.run(decoderFeeds(session, image, prompt, before))
  if (!logits || !iou) throw new TypeError('the decoder graph lacks its outputs "logits" and "iou"')
  return { logits, iou }
}
