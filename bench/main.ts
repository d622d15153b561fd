/**
 * `npm run bench`: CPU per request of Jumak and of the peers that are installed, side by side in one run.
 * Rounds are interleaved (A B C, A B C), so that a machine that drifts drifts for all.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Figures, measure } from './measure.ts'
import { SCENES, type Scene } from './scenes.ts'
import { BENCH_VENV, missingOf, PEERS, ROOT, STACKS, type Stack, venv } from './stacks.ts'

const HELP = `usage: npm run bench -- [--install] [--scene NAME]... [--stack NAME]... [--seconds 4] [--rounds 3] [--connections N]

scenes: ${SCENES.map(scene => scene.name).join(', ')}
stacks: ${STACKS.map(stack => stack.name).join(', ')}
--install makes a virtual environment with the peers and the frameworks (once; needs the network).`

const { values } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    scene: { type: 'string', multiple: true, default: SCENES.map(scene => scene.name) },
    stack: { type: 'string', multiple: true, default: STACKS.map(stack => stack.name) },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP)
    return 0
  }
  if (values.install) install()
  if (!has('wrk')) return fail('wrk is not installed: it makes the load (Debian: apt-get install wrk)')
  if (!has(venv('python'))) return fail('no environment with the frameworks yet: npm run bench -- --install')
  const stacks = STACKS.filter(stack => values.stack.includes(stack.name)).filter(installed)
  const work = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
  const env = { ...process.env, BENCH_DATABASE: join(work, 'bench.sqlite3'), PYTHONPATH: join(ROOT, 'bench/apps') }
  try {
    execFileSync(venv('python'), ['-c', 'import django_app; django_app.prepare()'], { env, stdio: 'inherit' })
    for (const scene of SCENES.filter(scene => values.scene.includes(scene.name)))
      await runScene(
        scene,
        stacks.filter(stack => stack.interfaces.includes(scene.interface)),
        env,
      )
  } finally {
    rmSync(work, { recursive: true })
  }
  return 0
}

function install(): void {
  execFileSync(values.python, ['-m', 'venv', BENCH_VENV], { stdio: 'inherit' })
  execFileSync(venv('pip'), ['install', '--quiet', '--disable-pip-version-check', ...PEERS], { stdio: 'inherit' })
}

function installed(stack: Stack): boolean {
  const missing = missingOf(stack)
  if (missing !== null) console.log(`left out: ${stack.name}: there is no ${missing} (npm run bench -- --install)`)
  return missing === null
}

async function runScene(scene: Scene, stacks: readonly Stack[], env: NodeJS.ProcessEnv): Promise<void> {
  const load = { seconds: Number(values.seconds), connections: Number(values.connections ?? scene.connections) }
  const rounds = Number(values.rounds)
  const results = new Map<Stack, Figures[]>(stacks.map(stack => [stack, []]))
  const failures = new Map<Stack, string>()
  for (let round = 1; round <= rounds; round++) {
    for (const stack of stacks) {
      if (process.stderr.isTTY)
        process.stderr.write(`\r\x1b[K${scene.name}: round ${round} of ${rounds}, ${stack.name}`)
      try {
        results.get(stack)!.push(await measure(stack, scene, load, env))
      } catch (error) {
        failures.set(stack, (error as Error).message)
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  report(scene, results, failures)
}

function report(scene: Scene, results: Map<Stack, Figures[]>, failures: Map<Stack, string>): void {
  console.log(
    `\n${scene.name}: ${scene.what}; ${values.connections ?? scene.connections} connections, median of ${values.rounds} rounds`,
  )
  console.log(
    row(
      'stack',
      scene.interface === 'websocket' ? 'CPU µs/msg' : 'CPU µs/req',
      'spread',
      'jumak is',
      'req/s',
      'p50',
      'p99',
      'MB',
      'errors',
    ),
  )
  const own = results.get(STACKS[0]!)
  const ownCost = own && own.length > 0 ? median(own.map(one => one.microseconds)) : Number.NaN
  for (const [stack, figures] of results) {
    if (figures.length === 0) {
      console.log(`${stack.name.padEnd(20)} failed: ${failures.get(stack)}`)
      continue
    }
    const costs = figures.map(one => one.microseconds)
    const middle = [...figures].sort((a, b) => a.microseconds - b.microseconds)[Math.floor(figures.length / 2)]!
    console.log(
      row(
        stack.name,
        median(costs).toFixed(1),
        `${Math.min(...costs).toFixed(1)}–${Math.max(...costs).toFixed(1)}`,
        stack === STACKS[0] ? '' : `${(ownCost / median(costs)).toFixed(2)} ×`,
        median(figures.map(one => one.requestsPerSecond)).toFixed(0),
        middle.p50,
        middle.p99,
        middle.megabytes.toFixed(0),
        String(figures.reduce((sum, one) => sum + one.errors, 0)),
      ),
    )
  }
}

function row(name: string, ...cells: string[]): string {
  return name.padEnd(20) + cells.map(cell => cell.padStart(12)).join('')
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function fail(message: string): number {
  console.error(`bench: ${message}`)
  return 1
}

process.exitCode = await main()
