/** The output options of DESIGN §9, under the API's own names. */
export type Format = 'png' | 'webp' | 'jpg' | 'zip'
export type Matting = 'auto' | 'off' | 'hair'

export interface CutoutOptions {
  readonly smooth: number
  readonly offset: number
  readonly feather: number
  readonly matting: Matting
  readonly decontaminate: boolean
  /** `#RRGGBB[AA]`, an image id, or null for a transparent background. */
  readonly background: string | null
  readonly trim: boolean
  /** `12px` or `5%`. */
  readonly margin: string
  readonly format: Format
  readonly dpi: number | 'keep'
  readonly max_side: number | null
}

/** The defaults of app/matting/options.py; tests/golden/options.json holds both to the same. */
export const DEFAULT_OPTIONS: CutoutOptions = {
  smooth: 0,
  offset: 0,
  feather: 0,
  matting: 'auto',
  decontaminate: true,
  background: null,
  trim: true,
  margin: '0',
  format: 'png',
  dpi: 300,
  max_side: null,
}
