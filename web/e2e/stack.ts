/**
 * The product for the tests: started before them, ended after them, its log kept beside the results. `cutout dev`, or with
 * E2E_STACK=deployed the Procfile's processes in configured mode (tests/deployed.py), and whoever opens a page is signed in.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '..', '..')
const PYTHON = process.env['E2E_PYTHON'] ?? join(ROOT, '.venv', 'bin', 'python')
const START_S = 180 // a first Postgres cluster and three imports of onnxruntime, on a CI machine

interface Stack {
  readonly process: ChildProcess
  /** Resolves when a test may begin. */
  readonly ready: () => Promise<void>
}

export default async function start(): Promise<() => Promise<void>> {
  const home = process.env['E2E_DATA'] ?? '.'
  const data = join(home, 'data')
  const stack = process.env['E2E_STACK'] === 'deployed' ? deployed(home, data) : dev(home, data)
  const ended = once(stack.process, 'exit')
  const end = (): boolean => stack.process.kill('SIGTERM')
  process.once('exit', end) // Ctrl-C while it starts: Playwright then leaves without a teardown
  const stop = async (): Promise<void> => {
    end()
    await ended
    await rm(data, { recursive: true, force: true })
  }
  const died = ended.then(() => Promise.reject(new Error(`the stack ended; see ${home}/stack.log`)))
  try {
    await Promise.race([stack.ready(), died])
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

function dev(home: string, data: string): Stack {
  const { E2E_PORT, E2E_ORIGIN } = process.env
  const models = join(home, 'models')
  execFileSync(PYTHON, ['-m', 'tests.models.hd_stand_in', models], { cwd: ROOT })
  const variables = { CUTOUT_DATA_DIR: data, CUTOUT_MODELS_DIR: models, CUTOUT_PORT: E2E_PORT }
  const started = python(home, ['-m', 'app.cli', 'dev', '--fake-clippingmagic'], variables, 'log')
  return { process: started, ready: () => ready(`${E2E_ORIGIN ?? ''}/readyz`) }
}

function deployed(home: string, data: string): Stack {
  const started = python(home, ['-m', 'tests.deployed', data, process.env['E2E_PORT'] ?? ''], {}, 'pipe')
  const ready = async (): Promise<void> => {
    const lines = createInterface({ input: started.stdout as Readable })[Symbol.asyncIterator]()
    writeFileSync(join(home, 'signed-in.json'), JSON.stringify(signedIn(JSON.parse(String((await lines.next()).value)) as SignIn)))
  }
  return { process: started, ready }
}

function python(home: string, args: readonly string[], variables: NodeJS.ProcessEnv, out: 'log' | 'pipe'): ChildProcess {
  const log = openSync(join(home, 'stack.log'), 'a')
  const env = { ...process.env, ...variables }
  return spawn(PYTHON, args, { cwd: ROOT, env, stdio: ['pipe', out === 'log' ? log : out, log] })
}

interface SignIn {
  readonly token: string
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** What a browser holds after a sign-in. */
function signedIn({ token, expiresAt }: SignIn): object {
  const kept = JSON.stringify({ refreshToken: 'never asked for: the access token outlives the tests', expiresAt: expiresAt * 1000 })
  const cookie = { name: '__Host-cutout', value: token, domain: 'localhost', path: '/', expires: expiresAt, httpOnly: true, secure: true, sameSite: 'Strict' }
  const origin = { origin: process.env['E2E_ORIGIN'], localStorage: [{ name: 'cutout.sign-in.v1', value: kept }] }
  return { cookies: [cookie], origins: [origin] }
}

async function ready(url: string): Promise<void> {
  const until = Date.now() + START_S * 1000
  while (Date.now() < until) {
    const answer = await fetch(url).catch(() => null) // not listening yet
    if (answer?.ok) return
    await pause(200)
  }
  throw new Error(`${url} is not ready after ${START_S} s`)
}
