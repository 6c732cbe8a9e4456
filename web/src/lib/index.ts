/** The library build: the editor for other people's pages. */
export { BackgroundRemovalEditor, type BackgroundRemovalEditorProps } from '../editor/ui/BackgroundRemovalEditor'
export type { CutoutOptions } from '../api/options'
export type { ApiConfig } from '../api/http'
