/**
 * `npm run bench`: what a request costs Jumak and the peers that are installed, side by side in one run: a table, and with
 * --output the figures as JSON and charts as SVG.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { charts } from './chart.ts'
import {
  checkMachine,
  gatewayThreadsOf,
  HELP_OF_LOAD,
  LOAD_OPTIONS,
  loadOf,
  runCommand,
  runScenes,
  scenesOf,
  UsageError,
} from './command.ts'
import { COMPRESSED } from './compressed.ts'
import { FRONTS } from './fronts.ts'
import { HOPS } from './hops.ts'
import { SCENES } from './scenes.ts'
import { BENCH_VENV, jumak, missingOf, PACKAGES, ROOT, STACKS, type Stack, venv } from './stacks.ts'

const ALL: readonly Stack[] = [...STACKS, ...HOPS, ...FRONTS, ...COMPRESSED]

const HELP = `usage: npm run bench -- [--scene NAME]... [--stack NAME]... [--output DIRECTORY] [--install] [LOAD]

examples:
  npm run bench -- --install --scene hello
  npm run bench -- --scene django --stack jumak --stack "nginx + uwsgi" --rounds 20
  npm run bench -- --scene hello --connections 1 --connections 64 --connections 512 --output figures
  npm run bench -- --scene flask --stack jumak --gateway-threads 1 --gateway-threads 2

--scene    ${SCENES.map(scene => scene.name).join(', ')}
--stack    ${[...new Set(ALL.map(stack => stack.name))].join(', ')}
--output   writes bench.json and bench.svg there
--install  makes a virtual environment with the peers and the frameworks (once; needs the network)
${HELP_OF_LOAD}, given several times: Jumak with each of them
The first stack is compared with the others: CPU microseconds per request, round by round. What is below 1 is less than theirs.`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stack: { type: 'string', multiple: true, default: ALL.map(stack => stack.name) },
      output: { type: 'string' },
      install: { type: 'boolean', default: false },
      python: { type: 'string', default: 'python3' },
      ...LOAD_OPTIONS,
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const scenes = scenesOf(values.scene)
  const load = loadOf(values)
  const stacks = stacksOf(values.stack).flatMap(stack => withThreads(stack, gatewayThreadsOf(values)))
  if (values.install) install(values.python)
  checkMachine(scenes)
  const results = await runScenes(scenes, stacks.filter(isInstalled), load)
  if (values.output !== undefined) {
    mkdirSync(values.output, { recursive: true })
    writeFileSync(join(values.output, 'bench.json'), `${JSON.stringify(results, null, 1)}\n`)
    writeFileSync(join(values.output, 'bench.svg'), charts(results, command()))
    console.log(`figures: ${join(values.output, 'bench.json')}, charts: ${join(values.output, 'bench.svg')}`)
  }
  if (results.some(({ results: [own] }) => own === undefined || own.failure !== null)) process.exitCode = 1
}

function stacksOf(names: readonly string[]): readonly Stack[] {
  const unknown = names.find(name => !ALL.some(stack => stack.name === name))
  if (unknown !== undefined)
    throw new UsageError(
      `there is no stack ${unknown}; there are: ${[...new Set(ALL.map(stack => stack.name))].join(', ')}`,
    )
  // In their own order: the first one is compared with the others.
  return ALL.filter(stack => names.includes(stack.name))
}

/** Jumak once with each of these numbers of gateway threads. */
function withThreads(stack: Stack, threads: readonly number[]): readonly Stack[] {
  if (stack.name !== 'jumak') return [stack]
  return threads.map(count => (count === 1 ? stack : jumak(`jumak, ${count} gateway threads`, ROOT, count)))
}

function isInstalled(stack: Stack): boolean {
  const missing = missingOf(stack)
  if (missing !== null) console.log(`left out: ${stack.name}: there is no ${missing} (npm run bench -- --install)`)
  return missing === null
}

/** As somebody would type it, without where the figures went. */
function command(): string {
  const words = process.argv.slice(2)
  const output = words.indexOf('--output')
  if (output >= 0) words.splice(output, 2)
  return ['npm run bench --', ...words.map(word => (word.includes(' ') ? `"${word}"` : word))].join(' ')
}

function install(python: string): void {
  execFileSync(python, ['-m', 'venv', BENCH_VENV], { stdio: 'inherit' })
  execFileSync(venv('pip'), ['install', '--quiet', '--disable-pip-version-check', ...PACKAGES], { stdio: 'inherit' })
}

await runCommand('bench', 'bench', main)
