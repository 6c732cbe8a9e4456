/** What codec.bench.ts measures, as one module. */
export { parseBasis } from '../src/inference/codec/basis'
export { decodeEmbedding } from '../src/inference/embedding'
