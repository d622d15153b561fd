/** What `npm run bench` and `npm run bench:compare` have in common: options of the load, and the way through the scenes. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'
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

/** The values, or what is wrong with them. */
export function parseArguments<const T extends NonNullable<ParseArgsConfig['options']>>(options: T, positionals = 0) {
  try {
    const { values, positionals: given } = parseArgs({ options, allowPositionals: positionals > 0 })
    return { ...values, given }
  } catch (error) {
    return (error as Error).message
  }
}

export function scenesOf(names: readonly string[]): readonly Scene[] | string {
  const unknown = names.find(name => !SCENES.some(scene => scene.name === name))
  if (unknown !== undefined)
    return `--scene ${unknown}: there is none; choose of ${SCENES.map(scene => scene.name).join(', ')}`
  return SCENES.filter(scene => names.includes(scene.name))
}

type LoadValues = { readonly [K in 'seconds' | 'rounds' | 'connections' | 'workers']?: string | undefined }

/** Only what was asked for; the rest is the scene's. */
export function loadOf(values: LoadValues): Partial<Load> | string {
  const load: Record<string, number> = {}
  for (const name of ['seconds', 'rounds', 'connections', 'workers'] as const) {
    const text = values[name]
    if (text === undefined) continue
    if (!/^[1-9]\d*$/.test(text)) return `--${name} ${text}: it must be a whole number above 0`
    load[name] = Number(text)
  }
  return load
}

/** Null: load can be made and applications can run; else what is missing. */
export function prepared(): string | null {
  try {
    execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'ignore' })
  } catch {
    return 'wrk is not installed: it makes the load (Debian: apt-get install wrk)'
  }
  return existsSync(venv('python')) ? null : 'no environment with the frameworks yet: npm run bench -- --install'
}

/** Prints a table for each scene as it ends. */
export async function runScenes(
  scenes: readonly Scene[],
  stacks: readonly Stack[],
  asked: Partial<Load>,
): Promise<SceneResults[]> {
  const work = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
  const env = { ...process.env, BENCH_DATABASE: join(work, 'bench.sqlite3'), PYTHONPATH: join(ROOT, 'bench/apps') }
  const all: SceneResults[] = []
  try {
    execFileSync(venv('python'), ['-c', 'import django_app; django_app.prepare()'], { env, stdio: 'inherit' })
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
  } finally {
    rmSync(work, { recursive: true })
  }
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

export function fail(message: string): number {
  console.error(`bench: ${message}`)
  return 2
}
