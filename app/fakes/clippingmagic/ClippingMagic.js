// The stand-in for ClippingMagic.js: the same two functions, the same events, a popup of its own.
window.ClippingMagic = (() => {
  const origin = new URL(document.currentScript.src).origin
  let apiId = null

  return {
    /** An array of what this browser lacks. */
    initialize(options) {
      apiId = options.apiId
      return Number.isInteger(apiId) ? [] : ['apiId must be a number']
    },

    edit(options, callback) {
      if (apiId === null) throw new Error('ClippingMagic.initialize was not called')
      const popup = window.open(`${origin}/editor?image=${options.image.id}`, 'ClippingMagic', 'width=600,height=400')
      if (popup === null) {
        callback({ event: 'error', error: { status: 403, code: 2001, message: 'The popup was blocked.' } })
        return
      }
      const tell = (event) => {
        if (event.origin !== origin || event.source !== popup) return
        callback({ ...event.data, image: { id: options.image.id } })
        if (event.data.event !== 'error') popup.close()
      }
      window.addEventListener('message', tell)
    },
  }
})()
