import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** `npm run build:lib` → dist-lib: one ES module and one style sheet; React stays the host's. */
export default defineConfig({
  plugins: [react()],
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  publicDir: false,
  // Relative: the host decides where the workers and the WASM stand.
  base: './',
  build: {
    target: 'es2022',
    outDir: 'dist-lib',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Not Vite's library mode: that inlines every asset, and 40 MB of WASM with them.
    rollupOptions: {
      input: { 'cutout-editor': 'src/lib/index.ts' },
      external: ['react', 'react-dom', 'react/jsx-runtime'],
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: '[name].js', assetFileNames: 'assets/[name]-[hash][extname]' },
    },
  },
})
