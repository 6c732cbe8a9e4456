/** The few elements of the legacy page. */

/** Replaces what is shown; `step` names it for tests and styles. */
export function show(root: HTMLElement, step: string, ...children: readonly HTMLElement[]): void {
  root.dataset['step'] = step
  root.replaceChildren(...children)
}

export function title(said: string): HTMLElement {
  const element = document.createElement('h1')
  element.textContent = said
  return element
}

/** Read out when it changes. */
export function text(said: string): HTMLElement {
  const element = document.createElement('p')
  element.setAttribute('role', 'status')
  element.textContent = said
  return element
}

export function button(label: string, onClick: () => void, kind: 'main' | 'quiet' = 'main'): HTMLElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.className = kind
  element.textContent = label
  element.addEventListener('click', onClick)
  return element
}

export function fileButton(label: string, onFile: (file: File) => void): HTMLElement {
  const element = document.createElement('label')
  element.className = 'main'
  const input = document.createElement('input')
  input.type = 'file'
  input.accept = 'image/*'
  input.addEventListener('change', () => {
    const [file] = input.files ?? []
    if (file) onFile(file)
  })
  element.append(label, input)
  return element
}

export function note(label: string): { readonly label: HTMLElement; readonly value: string } {
  const element = document.createElement('label')
  const input = document.createElement('textarea')
  input.maxLength = 500
  element.append(label, input)
  return { label: element, get value() { return input.value } }
}

export function download(label: string, url: string, name: string): HTMLElement {
  const element = document.createElement('a')
  element.className = 'main'
  element.href = url
  element.download = name
  element.textContent = label
  return element
}
