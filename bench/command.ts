/** What `npm run bench`, `bench:compare` and `profile` have in common: options of the load, and the way through the scenes. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ParseArgsConfig } from 'node:util'
import { type Load, measureScene } from './measure.ts'
import { type SceneResults, table } from './report.ts'
import { SCENES, type Scene } from './scenes.ts'
import { ROOT, type Stack, venv } from './stacks.ts'

export const LOAD_OPTIONS = {
  scene: { type: 'string', multiple: true, default: SCENES.map(scene => scene.name) },
  seconds: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '9' },
  connections: { type: 'string' },
  workers: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options']

export const HELP_OF_LOAD = `--seconds      length of a burst of load (1); for one-percent-slow ten times of it
--rounds       bursts for each stack, in turns (9); a third of it for scenes of memory
--connections  instead of the scene's own
--workers      instead of the scene's own`

/** Of the command line, or of what is installed: the message says what to do. */
export class UsageError extends Error {}

export function scenesOf(names: readonly string[], all: readonly Scene[] = SCENES): readonly Scene[] {
  return names.map(name => {
    const scene = all.find(one => one.name === name)
    if (scene === undefined)
      throw new UsageError(`there is no scene ${name}; there are: ${all.map(one => one.name).join(', ')}`)
    return scene
  })
}

/** The largest that makes sense: of a mistyped number the machine should not hear. */
const MOST = { seconds: 600, rounds: 1000, connections: 10_000, workers: 64 }

type LoadValues = { readonly [K in keyof typeof MOST]?: string | undefined }

/** Only what was asked for; the rest is the scene's. */
export function loadOf(values: LoadValues): Partial<Load> {
  const load: Record<string, number> = {}
  for (const name of Object.keys(MOST) as (keyof typeof MOST)[]) {
    const text = values[name]
    if (text === undefined) continue
    if (!/^[1-9]\d*$/.test(text) || Number(text) > MOST[name])
      throw new UsageError(`--${name} is a whole number from 1 to ${MOST[name]}, not ${JSON.stringify(text)}`)
    load[name] = Number(text)
  }
  return load
}

/** Load can be made, and applications can run. */
export function checkMachine(): void {
  if (process.platform !== 'linux') throw new UsageError('this reads /proc: it needs Linux')
  for (const [program, advice] of [
    ['wrk', 'it makes the load (Debian: apt-get install wrk)'],
    ['taskset', 'it keeps server and load apart (Debian: apt-get install util-linux)'],
  ] as const)
    if (!(process.env['PATH'] ?? '').split(':').some(directory => existsSync(join(directory, program))))
      throw new UsageError(`${program} is not installed: ${advice}`)
  if (!existsSync(venv('python')))
    throw new UsageError('there is no environment with the frameworks yet: npm run bench -- --install')
}

/** `env`: with it the scenes' applications are found, and have their database. `work` is gone afterwards. */
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
  // It reaches the load and the servers too: what waits for them fails.
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

/** Prints a table for each scene as it ends. */
export async function runScenes(
  scenes: readonly Scene[],
  stacks: readonly Stack[],
  asked: Partial<Load>,
): Promise<SceneResults[]> {
  const all: SceneResults[] = []
  await withApplications(async env => {
    for (const scene of scenes) {
      const load = { seconds: 1, rounds: 9, connections: scene.connections, workers: scene.workers, ...asked }
      const adapted = { ...load, ...adaptation(scene, load) }
      const able = stacks.filter(stack => stack.interfaces.includes(scene.interface))
      const results = await measureScene(scene, able, adapted, { env, onProgress })
      onProgress('')
      const one = { scene, load: adapted, results }
      console.log(table(one))
      all.push(one)
    }
  })
  return all
}

/** A percentile needs many arrivals; memory does not move with the noise. */
function adaptation(scene: Scene, load: Load): Partial<Load> {
  if (scene.load === 'one-percent-slow') return { seconds: load.seconds * 10, rounds: Math.ceil(load.rounds / 3) }
  if (scene.measure === 'microseconds') return {}
  return { rounds: Math.ceil(load.rounds / 3) }
}

function onProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
