/** The inference worker: one engine, the images that are open, no React and no DOM. */
import type { Frame } from '../editor/geometry/frame'
import type { DynamicMultimask } from '../editor/decode/choose'
import { Layered, type OpenCrop } from '../editor/decode/layered'
import type { Mask } from '../editor/decode/layers'
import { refined } from '../editor/decode/refine'
import { Replay, type RunDecoder } from '../editor/decode/replay'
import { parseBasis, type Basis } from './codec/basis'
import { download, loadVerified } from './download'
import { decodeEmbedding } from './embedding'
import { runDecoder, type ImageTensors } from './decoder'
import { Fault } from './errors'
import { passesGolden } from './golden'
import type { ModelManifest } from './manifest'
import { Openings } from './openings'
import type { Calls, Decoded, EngineInfo, OnLoading, OpenImage } from './protocol'
import { serve } from './serve'
import { openSession, type DecoderSession } from './sessions'

let session: DecoderSession | null = null
let dynamic: DynamicMultimask | null = null
let basis: Basis | null = null
interface Image {
  readonly frame: Frame
  readonly run: RunDecoder
  readonly layers: Layered
}
const images = new Openings<Image>()

async function start({ engine, model, threads }: Calls['start']['args'], onLoading: OnLoading): Promise<EngineInfo> {
  const began = performance.now()
  const [weights, unpacking] = await Promise.all([
    loadVerified(model.decoder, (got, total) => onLoading('decoder', got, total)),
    loadBasis(model),
  ])
  const opened = await openSession(engine, weights, threads, (got, total) => onLoading('runtime', got, total))
  const checked = performance.now()
  if (!(await passesGolden(opened, model))) throw new Fault('engine_wrong', `${engine} computes this model wrongly`)
  session = opened
  dynamic = model.dynamicMultimask
  basis = unpacking
  void opened.lost.then((reason) => {
    session = null
    console.warn(`[cutout] WebGPU device lost: ${reason}`) // the next decode fails with worker_lost and the page restarts us
  })
  const now = performance.now()
  return { engine, threads, startMs: now - began, decodeMs: now - checked }
}

async function loadBasis({ codecBasis }: ModelManifest): Promise<Basis | null> {
  return codecBasis && parseBasis(await loadVerified(codecBasis, () => undefined)) // 137 KB: no bar
}

function opened(): DecoderSession {
  if (!session) throw new Fault('worker_lost', 'the engine is not running')
  return session
}

async function open(image: OpenImage, onLoading: OnLoading): Promise<null> {
  await images.open(image.key, load(image, onLoading))
  return null
}

async function load(image: OpenImage, onLoading: OnLoading): Promise<Image> {
  const running = opened()
  const bytes = await download(image.embedding.url, image.embedding.bytes, (got, total) => onLoading('embedding', got, total))
  const tensors: ImageTensors = decodeEmbedding(bytes, basis).map(({ name, data, shape }) => ({ name, tensor: running.tensor(data, shape) }))
  const run: RunDecoder = (prompt, before) => runDecoder(opened(), tensors, prompt, before)
  const { frame, proposal } = image
  const layers = new Layered(frame, new Replay(frame, proposal, run, dynamic), openCrop)
  return { frame, run, layers }
}

const openCrop: OpenCrop = async ({ crop }, start) => {
  const { frame, run } = await imageOf(crop)
  const replay = new Replay(frame, await refined(run, frame, start(frame)), run, dynamic)
  return { frame, after: (marks, from) => replay.after(marks, from) }
}

async function imageOf(key: string): Promise<Image> {
  const image = await images.get(key)
  if (!image) throw new Fault('aborted', 'the image was closed')
  return image
}

async function decode({ key, marks, start }: Calls['decode']['args']): Promise<Decoded> {
  const { layers } = await imageOf(key)
  const began = performance.now()
  const { mask, decodes } = await layers.after(marks, start)
  // A copy: the remembered logits stay here, the page gets its own buffers by transfer.
  return { mask: copied(mask), decodes, ms: performance.now() - began }
}

const copied = ({ logits, crops }: Mask): Mask => ({
  logits: logits.slice(),
  crops: crops.map((crop) => ({ ...crop, logits: crop.logits.slice() })),
})

const buffersOf = ({ logits, crops }: Mask): Transferable[] => [logits, ...crops.map((crop) => crop.logits)].map((one) => one.buffer as ArrayBuffer)

function close({ key }: Calls['close']['args']): Promise<null> {
  images.close(key)
  return Promise.resolve(null)
}

serve<Calls>({ start, open, decode, close }, (result) => (result !== null && 'mask' in result ? buffersOf(result.mask) : []))
