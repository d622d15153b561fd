/** What `npm run bench`, `bench:compare` and `profile` have in common: options of the load, and the way through the scenes. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ParseArgsConfig } from 'node:util'
import { h2load } from './h2load.ts'
import { CLIENT_CORE, wrk } from './load.ts'
import { type Load, measureScene } from './measure.ts'
import { type SceneResults, table } from './report.ts'
import { SCENES, type Scene } from './scenes.ts'
import { ROOT, type Stack, venv } from './stacks.ts'
import { checkClient } from './tls.ts'

export const LOAD_OPTIONS = {
  scene: { type: 'string', multiple: true, default: SCENES.map(scene => scene.name) },
  seconds: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '9' },
  connections: { type: 'string', multiple: true },
  workers: { type: 'string', multiple: true },
  'gateway-threads': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options']

export const HELP_OF_LOAD = `--seconds      length of a burst of load (1); for scenes of latency ten times of it
--rounds       bursts for each stack, in turns (9); a third of it for scenes of memory
--connections  instead of the scene's own; given several times: one after the other
--workers      the same
--gateway-threads  of Jumak (1)`

/** A mistake in the command line, or something that is not installed. The message says what to do. */
export class UsageError extends Error {}

export function scenesOf(names: readonly string[], all: readonly Scene[] = SCENES): readonly Scene[] {
  return names.map(name => {
    const scene = all.find(one => one.name === name)
    if (scene === undefined)
      throw new UsageError(`there is no scene ${name}; there are: ${all.map(one => one.name).join(', ')}`)
    return scene
  })
}

/** The largest number that makes sense. A mistyped one must not reach the machine. */
const MOST = { seconds: 600, rounds: 1000, connections: 10_000, workers: 64, 'gateway-threads': 64 }

/** What the command line says of the load; the rest is the scene's. */
export interface AskedLoad {
  readonly seconds: number
  readonly rounds: number
  /** Each of them in turn, with each number of workers. */
  readonly connections: readonly number[] | undefined
  readonly workers: readonly number[] | undefined
}

interface LoadValues {
  readonly seconds: string
  readonly rounds: string
  readonly connections?: readonly string[] | undefined
  readonly workers?: readonly string[] | undefined
}

export function loadOf({ seconds, rounds, connections, workers }: LoadValues): AskedLoad {
  return {
    seconds: amountOf('seconds', seconds),
    rounds: amountOf('rounds', rounds),
    connections: connections?.map(text => amountOf('connections', text)),
    workers: workers?.map(text => amountOf('workers', text)),
  }
}

/** Of Jumak, in the order in which they were given. */
export function gatewayThreadsOf(values: { readonly 'gateway-threads'?: readonly string[] | undefined }): number[] {
  return (values['gateway-threads'] ?? ['1']).map(text => amountOf('gateway-threads', text))
}

export function amountOf(name: keyof typeof MOST, text: string): number {
  if (!/^[1-9]\d*$/.test(text) || Number(text) > MOST[name])
    throw new UsageError(`--${name} is a whole number from 1 to ${MOST[name]}, not ${JSON.stringify(text)}`)
  return Number(text)
}

/** Of one scene, in order. */
function loadsOf(scene: Scene, { seconds, rounds, ...asked }: AskedLoad): Load[] {
  const { connections = [scene.connections], workers = [scene.workers] } = asked
  return workers.flatMap(workers =>
    connections.map(connections => adapted(scene, { seconds, rounds, connections, workers })),
  )
}

const H2LOAD = ['h2load', 'it makes the load (Debian: apt-get install nghttp2-client)'] as const

/** Load can be made, and applications can run. */
export function checkMachine(scenes: readonly Scene[]): void {
  if (process.platform !== 'linux') throw new UsageError('this reads /proc: it needs Linux')
  for (const [program, advice] of [
    ['wrk', 'it makes the load (Debian: apt-get install wrk)'],
    ...(scenes.some(({ http }) => http === 'http2') ? [H2LOAD] : []),
    ['taskset', 'it keeps server and load apart (Debian: apt-get install util-linux)'],
    ['openssl', 'it makes the certificates (Debian: apt-get install openssl)'],
  ] as const)
    if (!(process.env['PATH'] ?? '').split(':').some(directory => existsSync(join(directory, program))))
      throw new UsageError(`${program} is not installed: ${advice}`)
  if (!existsSync(venv('python')))
    throw new UsageError('there is no environment with the frameworks yet: npm run bench -- --install')
}

/** `env`: variables by which the scenes' applications are found and find their database. `work` is removed afterwards. */
export async function withApplications<T>(act: (env: NodeJS.ProcessEnv, work: string) => Promise<T>): Promise<T> {
  const work = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
  const env = { ...process.env, BENCH_DATABASE: join(work, 'bench.sqlite3'), PYTHONPATH: join(ROOT, 'bench/apps') }
  try {
    execFileSync(venv('python'), ['-c', 'import django_app; django_app.prepare()'], { env, stdio: 'inherit' })
    return await act(env, work)
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** Runs a command of this folder and says in one line what is wrong with its use. Ctrl-C lets it clean up. */
export async function runCommand(name: string, script: string, main: () => Promise<void>): Promise<void> {
  let isInterrupted = false
  // Ctrl-C also reaches the load and the servers, so waiting for them fails.
  process.on('SIGINT', () => {
    isInterrupted = true
  })
  try {
    await main()
  } catch (error) {
    const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
    if (isInterrupted) console.error(`${name}: interrupted`)
    else console.error(isUsage ? `${name}: ${(error as Error).message} (npm run ${script} -- --help)` : error)
    process.exitCode = 1
  }
}

/** Prints a table for each scene and load as it ends. */
export async function runScenes(
  scenes: readonly Scene[],
  stacks: readonly Stack[],
  asked: AskedLoad,
): Promise<SceneResults[]> {
  const all: SceneResults[] = []
  if (scenes.some(({ tls }) => tls)) await checkClient(port => wrk({ tls: true }, port, 'close', 4, 1))
  if (scenes.some(({ http }) => http === 'http2'))
    await checkClient(port =>
      h2load({ http: 'http1', streams: 1, tls: true, load: 'differing' }, port, 4, 1, CLIENT_CORE),
    )
  await withApplications(async env => {
    for (const scene of scenes) {
      const able = stacks.filter(stack => stack.interfaces.includes(scene.interface))
      for (const load of loadsOf(scene, asked)) {
        const results = await measureScene(scene, able, load, { env, onProgress })
        onProgress('')
        const one = { scene, load, results }
        console.log(table(one))
        all.push(one)
      }
    }
  })
  return all
}

const LONG: readonly Scene['load'][] = ['one-percent-slow', 'slow-stream', 'half-load']

/** A percentile needs many arrivals. Memory hardly changes with the noise. */
function adapted(scene: Scene, load: Load): Load {
  if (scene.measure === 'microseconds') return load
  const rounds = Math.ceil(load.rounds / 3)
  return {
    ...load,
    rounds,
    seconds: LONG.includes(scene.load) ? load.seconds * 10 : load.seconds,
  }
}

function onProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
