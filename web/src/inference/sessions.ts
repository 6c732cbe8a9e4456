/** onnxruntime-web behind one small interface. The runtimes are imported on demand: nobody pays for the one not used. */
import type { InferenceSession, Tensor as OrtTensor, TypedTensor } from 'onnxruntime-web'
import type * as Ort from 'onnxruntime-web/wasm'
import wasmModule from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url'
import wasmBinary from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import webgpuModule from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'
import webgpuBinary from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import { download, type OnBytes } from './download'
import type { LocalEngine } from './protocol'

export type Tensor = OrtTensor

export interface DecoderSession {
  tensor(data: Float32Array, dims: readonly number[]): Tensor
  run(feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>>
  /** Resolves when the device is gone (WebGPU only). */
  readonly lost: Promise<string>
}

type Runtime = typeof Ort

async function load(engine: LocalEngine): Promise<Runtime> {
  return engine === 'webgpu' ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm')
}

/** The size on the wire is unknown before the first byte (it is compressed): this is the raw size the bar counts to. */
const RUNTIME_BYTES = { webgpu: 26_781_914, wasm: 14_239_897 }

/** Worker scripts must be same-origin even when the assets stand on a CDN, so URLs are made absolute to this module. */
const absolute = (url: string): string => new URL(url, import.meta.url).href

export async function openSession(engine: LocalEngine, model: ArrayBuffer, threads: number, onBytes: OnBytes): Promise<DecoderSession> {
  const ort = await load(engine)
  const gpu = engine === 'webgpu'
  ort.env.wasm.numThreads = threads
  ort.env.wasm.wasmPaths = { mjs: absolute(gpu ? webgpuModule : wasmModule) }
  const binary = absolute(gpu ? webgpuBinary : wasmBinary)
  ort.env.wasm.wasmBinary = await download(binary, gpu ? RUNTIME_BYTES.webgpu : RUNTIME_BYTES.wasm, onBytes)
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [gpu ? 'webgpu' : 'wasm'],
    graphOptimizationLevel: 'all',
  })
  return {
    tensor: (data, dims) => new ort.Tensor('float32', data, dims),
    run: (feeds) => run(session, feeds),
    lost: gpu ? lost(ort) : new Promise(() => undefined),
  }
}

async function run(session: InferenceSession, feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>> {
  const outputs = await session.run(feeds)
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, (tensor as TypedTensor<'float32'>).data]))
}

async function lost(ort: Runtime): Promise<string> {
  const device = await ort.env.webgpu.device
  return (await device.lost).message
}
