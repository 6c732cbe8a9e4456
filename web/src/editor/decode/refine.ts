/** A mask made finer by a second look: the twin of app/segmentation/refine.py. */
import { maskContent, maskToImage, type Frame } from '../geometry/frame'
import { crop, framed } from './masks'
import { promptOf } from './prompts'
import { deepestPoints, regionOf, type Region } from './regions'
import type { RunDecoder } from './replay'

const KEEP_POINTS = 3
const REMOVE_POINTS = 2
const AGREEMENT = 0.6
const ANSWERS = [0, 1, 2, 3]

/** What the decoder makes of `start` (MaskSpace, over the whole of `frame`), told where its subject and its background lie. */
export async function refined(run: RunDecoder, frame: Frame, start: Float32Array): Promise<Float32Array> {
  const size = maskContent(frame)
  const seen = crop(start, size)
  const subject = regionOf(seen.length, (i) => (seen[i] ?? 0) > 0)
  if (!subject.includes(0) || !subject.includes(1)) return start
  const keep = deepestPoints(subject, size, KEEP_POINTS)
  const remove = deepestPoints(subject.map((inside) => 1 - inside), size, REMOVE_POINTS)
  const points = [...keep, ...remove].map((p) => maskToImage(frame, p))
  const said = { points, keep: [...keep.map(() => true), ...remove.map(() => false)], box: null, scale: 0 }
  const { logits } = await run(promptOf(said, frame), start)
  const answers = ANSWERS.map((index) => crop(logits, size, index))
  const agreement = answers.map((answer) => likeness(answer, subject))
  const most = Math.max(...agreement)
  const best = answers[agreement.indexOf(most)]
  return most >= AGREEMENT && best ? framed(best, size) : start
}

/** IoU of an answer with a region. */
function likeness(answer: Float32Array, subject: Region): number {
  let shared = 0
  let either = 0
  for (let i = 0; i < subject.length; i++) {
    const now = (answer[i] ?? 0) > 0
    if (now || subject[i]) either++
    if (now && subject[i]) shared++
  }
  return shared / either
}
