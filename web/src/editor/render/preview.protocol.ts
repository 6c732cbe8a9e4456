/** What the page and the preview worker say to each other. */
import type { Mask } from '../decode/layers'
import type { Mark } from '../document/marks'
import type { Frame } from '../geometry/frame'
import type { EdgeOptions } from './matte'
import type { PixelBox } from './output'

export type PreviewRequest =
  | { readonly id: number; readonly kind: 'open'; readonly key: string; readonly frame: Frame; readonly image: Blob }
  | {
      readonly id: number
      readonly kind: 'render'
      readonly key: string
      readonly mask: Mask
      readonly marks: readonly Mark[]
      readonly edge: EdgeOptions
    }
  /** A mask file → MaskSpace logits. */
  | { readonly id: number; readonly kind: 'read-mask'; readonly frame: Frame; readonly file: Blob }
  | { readonly id: number; readonly kind: 'mask'; readonly frame: Frame; readonly mask: Mask }
  | { readonly id: number; readonly kind: 'close'; readonly key: string }

export interface Rendered {
  readonly cutout: ImageBitmap
  readonly veil: ImageBitmap
  /** What Trim leaves, in working pixels; null when nothing is visible. */
  readonly box: PixelBox | null
  /** Part of the image that is subject, 0…1: "nothing kept" is told in words. */
  readonly kept: number
}

export type PreviewResult = Rendered | ImageBitmap | Blob | Float32Array | null

export type PreviewReply =
  | { readonly id: number; readonly ok: true; readonly result: PreviewResult }
  | { readonly id: number; readonly ok: false; readonly message: string }
