/** A real Chromium from the npm registry, on machines with and without its system libraries. */
import { existsSync } from 'node:fs'

const NSS = ['/usr/lib/x86_64-linux-gnu/libnss3.so', '/usr/lib64/libnss3.so', '/usr/lib/libnss3.so']

export async function chromiumPath(): Promise<string> {
  // The package unpacks the NSS and expat that it carries, and points the loader at them, only where it believes to be on AWS.
  if (!NSS.some((path) => existsSync(path))) process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs20.x'
  const { default: chromium } = await import('@sparticuz/chromium')
  return chromium.executablePath()
}
