/** The few things that need a document. */

/** Hands a file to the user under a name. */
export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // Safari starts the download after the click has returned; a minute is long enough for every browser.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

const THUMB = 160 // CSS pixels of the strip × 2

/** A small picture of a file, or null when this browser cannot decode it (HEIC, TIFF): the server can. */
export async function thumbOf(file: File): Promise<string | null> {
  try {
    const bitmap = await createImageBitmap(file, { resizeHeight: THUMB, resizeQuality: 'medium' })
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0)
    bitmap.close()
    return URL.createObjectURL(await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 }))
  } catch (error) {
    if (error instanceof DOMException) return null
    throw error
  }
}
