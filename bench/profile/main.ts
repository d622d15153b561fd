/**
 * `npm run profile`: where the time of a request goes in the gateway and in a worker. Flame graphs as SVG, and system calls, wake-ups
 * and CPU time per request.
 *
 * Counting and sampling are separate passes on separate servers, because sampling makes a server slower, and a slower server does more at
 * a time. There is one worker. All of Jumak runs on one core and the load on another, as in `npm run bench`.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { amountOf, checkMachine, runCommand, scenesOf, UsageError, withApplications } from '../command.ts'
import { type Answers, apply } from '../load.ts'
import { WARM_UP_SECONDS } from '../measure.ts'
import { difference, type Usage, usageOf } from '../processes.ts'
import { SCENES as ALL_SCENES, type Scene } from '../scenes.ts'
import { flameGraph } from './flame-graph.ts'
import { layerTable, usageTable } from './report.ts'
import { hasPerf, sample, sampledEnvironment, sampleWithPerf } from './sampling.ts'
import { Server } from './server.ts'
import { formatCollapsed, type Stacks, samplesIn } from './stacks.ts'
import { findCounter, type SystemCalls } from './system-calls.ts'

/** Where a request costs something: the others are about memory or waiting. */
const SCENES = ALL_SCENES.filter(scene => scene.measure === 'microseconds' && scene.load !== 'slow-readers')

const HELP = `usage: npm run profile -- [--scene hello]... [--seconds 5] [--connections 64] [--output DIR]

Shows where the time of a request goes in the gateway and in a worker: flame graphs as SVG, and system calls, wake-ups and
CPU time per request.

  --scene NAME       ${SCENES.map(scene => scene.name).join(', ')}
                     (more than once: one after the other; default: hello)
  --seconds N        of load in each of four to five passes; more seconds, more samples (default: 5)
  --connections N    default: what the scene says
  --output DIR       where the SVGs go, and the stacks beside them as .folded (default: a new temporary directory)

Examples:
  npm run profile
  npm run profile -- --scene django --seconds 20 --output profile
  npm run profile -- --scene hello --scene asgi-hello --connections 1

Needs wrk and the bench environment (npm run bench -- --install). System calls need perf or strace; the views
with the kernel in them need perf.`

interface Options {
  readonly scenes: readonly Scene[]
  readonly seconds: number
  readonly connections: number | null
  /** Null: a new temporary directory. */
  readonly output: string | null
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      scene: { type: 'string', multiple: true, default: ['hello'] },
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  return {
    scenes: scenesOf(values.scene, SCENES),
    seconds: amountOf('seconds', values.seconds),
    connections: values.connections === undefined ? null : amountOf('connections', values.connections),
    output: values.output === undefined ? null : resolve(values.output),
  }
}

function makeOutput(wanted: string | null): string {
  if (wanted === null) return mkdtempSync(join(tmpdir(), 'jumak-profile-'))
  try {
    mkdirSync(wanted, { recursive: true })
  } catch (error) {
    throw new UsageError(`--output: ${(error as Error).message}`)
  }
  return wanted
}

interface Pass {
  readonly scene: Scene
  readonly seconds: number
  readonly connections: number
  readonly env: NodeJS.ProcessEnv
  /** For files that are gone at the end. */
  readonly work: string
}

async function profileScene(pass: Pass, output: string): Promise<void> {
  const { scene, connections, seconds } = pass
  console.log(`\n${scene.name}: ${scene.what}; ${connections} connections, ${seconds} s a pass`)
  await countScene(pass)
  const written = await sampleScene(pass, output)
  console.log(`\nflame graphs, for a browser:\n${written.map(path => `  ${path}`).join('\n')}`)
}

/** CPU time, wake-ups and system calls: nothing is in the server for it. */
async function countScene({ scene, connections, seconds, env, work }: Pass): Promise<void> {
  const server = await Server.start(scene, env)
  try {
    const load = (forSeconds: number) => apply(scene, server.port, connections, 1, forSeconds)
    await load(WARM_UP_SECONDS)
    const roles = Object.entries(server.pids)
    const before = roles.map(([, pid]) => usageOf(pid))
    const result = await load(seconds)
    const usage = new Map(roles.map(([role, pid], i) => [role, difference(usageOf(pid), before[i]!)]))
    const counter = await findCounter(work)
    const calls = new Map<string, SystemCalls>()
    let counted: Answers = result
    if (counter !== null) {
      const pids = [server.pids.gateway, server.pids.worker]
      const found = await counter.count(pids, async () => {
        counted = await load(seconds)
      })
      found.forEach((one, i) => {
        calls.set(['gateway', 'worker'][i]!, one)
      })
    }
    reportCounts(result, usage, calls, counted, counter?.tool ?? null)
  } finally {
    await server.stop()
  }
}

function reportCounts(
  result: Answers,
  usage: ReadonlyMap<string, Usage>,
  calls: ReadonlyMap<string, SystemCalls>,
  counted: Answers,
  tool: string | null,
): void {
  const rate = Math.round(result.requests / result.seconds)
  console.log(`${result.requests} requests, ${rate} a second; ${result.errors + counted.errors} errors\n`)
  console.log(usageTable(usage, result.requests, calls, counted.requests))
  if (tool === null) console.log('system calls: not counted, for perf and strace are not here or not allowed')
  else console.log(`(system calls: ${tool}, at ${Math.round(counted.requests / counted.seconds)} requests a second)`)
}

async function sampleScene({ scene, connections, seconds, env, work }: Pass, output: string): Promise<string[]> {
  const withPerf = await hasPerf()
  const server = await Server.start(scene, sampledEnvironment(env, work, withPerf))
  try {
    const load = (forSeconds: number) => () => apply(scene, server.port, connections, 1, forSeconds)
    await load(WARM_UP_SECONDS)()
    const { gateway, worker, gatewayIdle } = await sample(server, work, load(seconds))
    const idle = `it waited ${(gatewayIdle * 100).toFixed(0)} % of the time, which is not shown`
    const views: [string, string, Stacks][] = [
      ['gateway-v8', `V8's profiler, by the clock; (program) is what is outside of JavaScript; ${idle}`, gateway],
      ['worker-python', 'by CPU time of the main thread; what is in C or the kernel counts for its caller', worker],
    ]
    if (withPerf) {
      const native = await sampleWithPerf(server, work, seconds, load(seconds + 1))
      views.push(['gateway-perf', 'by CPU time, all threads, with native code and the kernel', native.gateway])
      views.push([
        'worker-perf',
        'by CPU time; interpreter and kernel: perf cannot follow Python frames',
        native.worker,
      ])
    }
    console.log(`\n${layerTable(new Map(views.map(([name, , stacks]) => [name, stacks])))}`)
    if (!withPerf) console.log('(no views with native code and the kernel: perf is not here or not allowed)')
    const place = `${scene.name}, ${connections} connections`
    return views.map(([name, note, stacks]) =>
      write(output, `${scene.name}-${name}`, `${name}: ${place}`, note, stacks),
    )
  } finally {
    await server.stop()
  }
}

function write(output: string, name: string, title: string, note: string, stacks: Stacks): string {
  if (samplesIn(stacks) === 0) return `${name}: no samples; more of them with --seconds`
  writeFileSync(join(output, `${name}.folded`), formatCollapsed(stacks))
  const path = join(output, `${name}.svg`)
  writeFileSync(path, flameGraph(title, note, stacks))
  return path
}

async function main(): Promise<void> {
  const { scenes, seconds, connections, output: wanted } = parseOptions()
  checkMachine(scenes)
  const output = makeOutput(wanted)
  await withApplications(async (env, work) => {
    for (const scene of scenes)
      await profileScene({ scene, seconds, connections: connections ?? scene.connections, env, work }, output)
  })
}

await runCommand('profile', 'profile', main)
