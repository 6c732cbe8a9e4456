import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const API = process.env['CUTOUT_API'] ?? 'http://127.0.0.1:8000'

export default defineConfig({
  // Served by the API under this path; the assets below it are fingerprinted, so they are immutable.
  base: '/process/background-removal-v2/',
  plugins: [react()],
  // onnxruntime-web then takes its .wasm and .mjs from the URLs we give it instead of inlining one build of them.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // a data: URL has no fingerprint and cannot be cached on its own
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      input: ['index.html', 'legacy.html', 'sign-in.html', 'account.html', 'docs.html'],
      output: { manualChunks: { react: ['react', 'react-dom', 'react-dom/client'] } }, // of all pages, and changed the least
    },
  },
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
    proxy: { '/api': { target: API, ws: true }, '/models': API },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
