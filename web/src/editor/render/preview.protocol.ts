/** What the page and the preview worker say to each other. */
import type { Mask } from '../decode/layers'
import type { Mark } from '../document/marks'
import type { Frame } from '../geometry/frame'
import type { EdgeOptions } from './matte'
import type { PixelBox } from './output'

/** The call, what it takes and what it gives; the envelope is inference/protocol.ts. */
export interface PreviewCalls {
  open: { args: { readonly key: string; readonly frame: Frame; readonly image: Blob }; result: ImageBitmap }
  render: { args: RenderInput; result: Rendered }
  /** A mask file → MaskSpace logits. */
  readMask: { args: { readonly frame: Frame; readonly file: Blob }; result: Float32Array }
  maskFile: { args: { readonly frame: Frame; readonly mask: Mask }; result: Blob }
  close: { args: { readonly key: string }; result: null }
}

export interface RenderInput {
  readonly key: string
  readonly mask: Mask
  readonly marks: readonly Mark[]
  readonly edge: EdgeOptions
}

export interface Rendered {
  readonly cutout: ImageBitmap
  readonly veil: ImageBitmap
  /** What Trim leaves, in working pixels; null when nothing is visible. */
  readonly box: PixelBox | null
  /** Part of the image that is subject, 0…1: "nothing kept" is told in words. */
  readonly kept: number
}
