/**
 * What the page and its workers say to each other. One request, one reply with the same `id`; progress in between.
 * Buffers are transferred, never copied; errors cross as data (errors.ts). `Calls` are those of the inference worker.
 */
import type { Start } from '../editor/document/history'
import type { Mask } from '../editor/decode/layers'
import type { Mark } from '../editor/document/marks'
import type { Frame } from '../editor/geometry/frame'
import type { FaultData } from './errors'
import type { ModelManifest } from './manifest'

/** What a worker can be asked: of each call, what it takes and what it gives. */
export type CallsOf<C> = Record<keyof C, { readonly args: unknown; readonly result: unknown }>

export type RequestOf<C extends CallsOf<C>> = { [K in keyof C]: { readonly id: number; readonly call: K; readonly args: C[K]['args'] } }[keyof C]

export type ReplyOf<C extends CallsOf<C>> =
  | { readonly id: number; readonly kind: 'done'; readonly result: C[keyof C]['result'] }
  | { readonly id: number; readonly kind: 'failed'; readonly error: FaultData }
  | { readonly id: number; readonly kind: 'progress'; readonly what: Loading; readonly received: number; readonly total: number }

export type OnLoading = (what: Loading, received: number, total: number) => void

/** In the order of preference; `server` runs in no worker. */
export const ENGINES = ['webgpu', 'wasm-threads', 'wasm'] as const
export type LocalEngine = (typeof ENGINES)[number]
export type EngineName = LocalEngine | 'server'

export interface EngineInfo {
  readonly engine: EngineName
  readonly threads: number
  /** Start-up to first checked decode, ms. */
  readonly startMs: number
  /** The checked decode alone, ms: what a decode takes here. */
  readonly decodeMs: number
}

export interface Decoded {
  readonly mask: Mask
  readonly decodes: number
  readonly ms: number
}

/** An image to decode for: its geometry, where its embedding is, and the proposal (MaskSpace logits) to build on. */
export interface OpenImage {
  readonly key: string
  readonly frame: Frame
  readonly embedding: { readonly url: string; readonly bytes: number }
  readonly proposal: Float32Array | null
}

export interface Calls {
  start: { args: { readonly engine: LocalEngine; readonly model: ModelManifest; readonly threads: number }; result: EngineInfo }
  open: { args: OpenImage; result: null }
  decode: { args: { readonly key: string; readonly marks: readonly Mark[]; readonly start: Start }; result: Decoded }
  close: { args: { readonly key: string }; result: null }
}

export type CallName = keyof Calls

export type Request = RequestOf<Calls>
export type Reply = ReplyOf<Calls>

/** What a progress bar is about. */
export type Loading = 'decoder' | 'runtime' | 'embedding'
