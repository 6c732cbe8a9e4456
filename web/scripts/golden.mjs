// Writes src/inference/golden.json: what the decoder answers to the made-up embedding of golden.ts, computed by
// onnxruntime's WASM build in Node. Usage: node scripts/golden.mjs MANIFEST.json DECODER.onnx
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import * as ort from 'onnxruntime-web'
import { createServer } from 'vite'

const [manifestPath, decoderPath] = process.argv.slice(2)
const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'))
const weights = readFileSync(decoderPath)
const sha256 = createHash('sha256').update(weights).digest('hex')
const target = new URL('../src/inference/golden.json', import.meta.url)

const vite = await createServer({ server: { middlewareMode: true }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } })
const { noise, sample, GOLDEN_PROMPT } = await vite.ssrLoadModule('/src/inference/golden.ts')
const session = await ort.InferenceSession.create(weights)
const tensor = (data, dims) => new ort.Tensor('float32', data, dims)
const image = manifest.tensors.map(({ name, shape }) => [name, tensor(noise(shape.reduce((a, b) => a * b, 1)), shape)])
const output = await session.run({
  ...Object.fromEntries(image),
  point_coords: tensor(GOLDEN_PROMPT.coords, [1, 2, 2]),
  point_labels: tensor(GOLDEN_PROMPT.labels, [1, 2]),
  mask_input: tensor(new Float32Array(65536), [1, 1, 256, 256]),
  has_mask_input: tensor(Float32Array.of(0), [1]),
})
const known = JSON.parse(readFileSync(target, 'utf8'))
known[sha256] = { logits: sample(output.logits.data), iou: [...output.iou.data] }
writeFileSync(target, `${JSON.stringify(known, null, 1)}\n`)
await vite.close()
process.exit(0)
