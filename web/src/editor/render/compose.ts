/** Matte and pixels → what the panes show. RGBA, not premultiplied, over the working image. */

/** The cutout: the image's own colours under the matte. */
export function cutoutPixels(image: Uint8ClampedArray, matte: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(image)
  for (let i = 0; i < matte.length; i++) out[i * 4 + 3] = matte[i] ?? 0
  return out
}

/** How much the marks pane dims what is not subject. Dark enough to read on white, light enough to see what lies there. */
const VEIL = { red: 15, green: 23, blue: 42, alpha: 0.62 }

export function veilPixels(matte: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(matte.length * 4)
  for (let i = 0; i < matte.length; i++) {
    out[i * 4] = VEIL.red
    out[i * 4 + 1] = VEIL.green
    out[i * 4 + 2] = VEIL.blue
    out[i * 4 + 3] = (255 - (matte[i] ?? 0)) * VEIL.alpha
  }
  return out
}
