/** What the API says (DESIGN §9). */
import type { WireBox, WireMark } from '../editor/document/marks'
import type { CutoutOptions } from './options'

export type JobStatus = 'queued' | 'processing' | 'succeeded' | 'failed' | 'canceled'
export type JobKind = 'encode' | 'apply_mask' | 'remove' | 'legacy_fetch'

export interface JobError {
  readonly code: string
  readonly message: string
}

export interface EncodeResult {
  readonly embedding: {
    readonly url: string
    readonly bytes: number
    readonly codec: string
    readonly model: string
    readonly revision: string
  }
  readonly auto: {
    readonly mask_url: string
    readonly score: number
    readonly box: readonly [number, number, number, number]
    readonly points: readonly (readonly [number, number])[]
  } | null
}

export interface CutoutResult {
  readonly url: string
  readonly width: number
  readonly height: number
  readonly format: string
  readonly bytes: number
  readonly sha256: string
  readonly trim_box?: readonly [number, number, number, number]
  readonly dpi?: number
  readonly notes?: readonly string[]
}

interface JobBase {
  readonly id: string
  readonly status: JobStatus
  readonly engine: string
  readonly model: string
  readonly image: { readonly id: string; readonly width: number | null; readonly height: number | null }
  readonly progress: number
  readonly queue_position: number | null
  /** It waits and no worker is alive: one has to start. */
  readonly starting: boolean | null
  readonly attempt: number
  readonly credits: number
  readonly cost_usd: number
  readonly timings: Readonly<Record<string, number>>
  readonly created_at: string
  readonly started_at: string | null
  readonly finished_at: string | null
  readonly urls: { readonly self: string; readonly cancel: string; readonly result: string; readonly events?: string; readonly ws?: string }
  readonly error: JobError | null
}

export interface EncodeJob extends JobBase {
  readonly kind: 'encode'
  readonly result: EncodeResult | null
}

export interface CutoutJob extends JobBase {
  readonly kind: Exclude<JobKind, 'encode'>
  readonly result: CutoutResult | null
}

export type Job = EncodeJob | CutoutJob

export interface ImageInfo {
  readonly id: string
  readonly width: number
  readonly height: number
  readonly format: string
  readonly bytes: number
  readonly filename: string | null
  readonly created_at: string
  readonly expires_at: string | null
  readonly urls: { readonly self: string; readonly working: string; readonly embedding: string; readonly auto_mask: string }
}

/** What the account's jobs get where they do not say. */
export interface AccountDefaults {
  readonly model: string
  readonly options: CutoutOptions
  /** Null: they were never changed. */
  readonly changed_at: string | null
  readonly models: readonly string[]
}

export interface Batch {
  readonly id: string
  /** Null: items are still being made, or added. */
  readonly finished_at: string | null
}

/** One of a batch: a file, and what became of it. */
export interface BatchItem {
  readonly id: string
  readonly name: string
  readonly state: JobStatus
  readonly error: JobError | null
  /** Of the subject that was found, 0…1; null: none was. */
  readonly confidence: number | null
  readonly image: { readonly id: string; readonly width: number | null; readonly height: number | null } | null
  readonly urls: { readonly review: string; readonly job: string | null; readonly result: string | null }
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor: string | null
}

export interface ApplyRequest {
  readonly imageId: string
  readonly model: string
  readonly marks: readonly WireMark[]
  /** 8-bit grey PNG over the whole image: the mask on screen. */
  readonly mask: Blob
  /** Where the mask is finer: it was decoded from crops. */
  readonly crops: readonly WireBox[]
  readonly options: CutoutOptions
  readonly preview?: boolean
}

export const ended = (status: JobStatus): boolean => status === 'succeeded' || status === 'failed' || status === 'canceled'
