/** The files on the filmstrip: what each is doing, and pure rules about them. */
import { failureOf } from '../api/follow'
import type { ApiError } from '../api/http'
import type { CutoutResult, EncodeJob, EncodeResult } from '../api/types'
import type { Fault } from '../inference/errors'

export type Step =
  | { readonly at: 'waiting' }
  | { readonly at: 'uploading'; readonly part: number }
  /** starting: nobody works yet, a worker is being started */
  | { readonly at: 'queued'; readonly position: number | null; readonly starting: boolean }
  | { readonly at: 'encoding'; readonly part: number }
  | { readonly at: 'ready' }
  | { readonly at: 'applying'; readonly part: number }
  | { readonly at: 'done' }
  | { readonly at: 'failed'; readonly error: ApiError | Fault; readonly during: 'prepare' | 'apply' }

export interface Prepared {
  readonly imageId: string
  readonly width: number
  readonly height: number
  readonly encoded: EncodeResult
}

export interface FileEntry {
  readonly id: string
  readonly name: string
  /** Null when reopened from the history. */
  readonly file: File | null
  /** A small picture for the strip, or null until there is one. */
  readonly thumb: string | null
  readonly step: Step
  readonly interrupted: boolean
  /** How far it is encoded anew while it is edited (0…1), null when it is not. */
  readonly renewing: number | null
  /** Known from the first answer of the server on. */
  readonly imageId: string | null
  readonly prepared: Prepared | null
  /** The model that it was prepared with, as it was asked for: `auto` is the server's choice. */
  readonly asked: string | null
  readonly result: CutoutResult | null
  /** Aborted once it is off the list: then nothing is sent for it or awaited. */
  readonly off: AbortController
}

/** Where an encode stands that has not ended. */
export function encodeStep(job: EncodeJob): Step {
  if (job.status !== 'queued') return { at: 'encoding', part: job.progress }
  return { at: 'queued', position: job.queue_position, starting: job.starting === true }
}

/** What a finished encode gives. Throws the ApiError of one that failed. */
export function preparedOf(job: EncodeJob): Prepared {
  const { id, width, height } = job.image
  if (!job.result || width === null || height === null) throw failureOf(job)
  return { imageId: id, width, height, encoded: job.result }
}

export function newEntry(name: string, part: Partial<FileEntry>): FileEntry {
  return {
    id: crypto.randomUUID(), name, file: null, thumb: null, step: { at: 'waiting' }, interrupted: false, renewing: null, imageId: null,
    prepared: null, asked: null, result: null, off: new AbortController(), ...part,
  }
}

/** Expected IoU below which a proposal is worth a look: of 37 such on 146 photos with masks, 35 have less than 0.9. */
const DOUBTFUL = 0.85

/** Whether the automatic subject may well be wrong, or none was found: the strip says so, until the cutout is made. */
export function doubtful({ step, prepared }: Pick<FileEntry, 'step' | 'prepared'>): boolean {
  return step.at === 'ready' && prepared !== null && (prepared.encoded.auto?.score ?? 0) < DOUBTFUL
}

/** What the file itself is to blame for: another try would end the same way. */
const HOPELESS = new Set([
  'not_an_image', 'unsupported_type', 'empty_file', 'too_large_bytes', 'too_many_pixels', 'animated', 'truncated', 'damaged', 'image_not_found',
])

export const hopeless = (step: Step): boolean => step.at === 'failed' && HOPELESS.has(step.error.code)

/** The API's limit (DESIGN §14): told before 50 MB have been sent for nothing. */
export const MAX_BYTES = 50 * 1024 * 1024
const EXTENSIONS = /\.(jpe?g|png|webp|tiff?|bmp|gif|avif|heic|heif)$/i

/** The API's own codes for the same conditions. */
export type Refusal = 'not_an_image' | 'too_large_bytes' | 'empty_file'

/** Why a file cannot be sent, as far as the browser can tell; the server looks at the content. */
export function refusalOf(file: File): Refusal | null {
  if (file.size === 0) return 'empty_file'
  if (!file.type.startsWith('image/') && !EXTENSIONS.test(file.name)) return 'not_an_image'
  return file.size > MAX_BYTES ? 'too_large_bytes' : null
}

/** `shoe.jpg` + png → `shoe-cutout.png`, or `shoe.png` inside a ZIP, where the folder says what it is. */
export function resultName(original: string, format: string, suffix = '-cutout'): string {
  const stem = original.replace(/\.[^.]+$/, '') || 'image'
  return `${stem}${suffix}.${format}`
}

/** Names as they are, a number behind those that come twice. */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Map<string, number>()
  return names.map((name) => {
    const count = (used.get(name.toLowerCase()) ?? 0) + 1
    used.set(name.toLowerCase(), count)
    return count === 1 ? name : name.replace(/(\.[^.]+)?$/, ` (${count})$1`)
  })
}

/** Which waiting files to prepare now: the open one first, then the next in line, so few at a time that it stays quick. */
export function nextToPrepare(entries: readonly FileEntry[], current: string | null, atOnce: number): readonly FileEntry[] {
  const busy = entries.filter((entry) => ['uploading', 'queued', 'encoding'].includes(entry.step.at)).length
  const from = Math.max(0, entries.findIndex((entry) => entry.id === current))
  const inOrder = [...entries.slice(from), ...entries.slice(0, from)]
  return inOrder.filter((entry) => entry.step.at === 'waiting').slice(0, Math.max(0, atOnce - busy))
}
