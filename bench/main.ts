/**
 * `npm run bench`: what a request costs Jumak and the peers that are installed, side by side in one run: a table, and with
 * --output the figures as JSON and charts as SVG.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { charts } from './chart.ts'
import { fail, HELP_OF_LOAD, LOAD_OPTIONS, loadOf, parseArguments, prepared, runScenes, scenesOf } from './command.ts'
import { SCENES } from './scenes.ts'
import { BENCH_VENV, missingOf, PACKAGES, STACKS, venv } from './stacks.ts'

const HELP = `usage: npm run bench -- [--scene NAME]... [--stack NAME]... [--output DIRECTORY] [--install] [LOAD]

examples:
  npm run bench -- --install --scene hello
  npm run bench -- --scene django --stack jumak --stack "nginx + uwsgi" --rounds 20
  npm run bench -- --scene hello --connections 512 --workers 2 --output figures

--scene    ${SCENES.map(scene => scene.name).join(', ')}
--stack    ${STACKS.map(stack => stack.name).join(', ')}
--output   writes bench.json and bench.svg there
--install  makes a virtual environment with the peers and the frameworks (once; needs the network)
${HELP_OF_LOAD}
The first stack is compared with the others: CPU microseconds per request, round by round. What is below 1 is less than theirs.`

async function main(): Promise<number> {
  const values = parseArguments({
    stack: { type: 'string', multiple: true, default: STACKS.map(stack => stack.name) },
    output: { type: 'string' },
    install: { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3' },
    ...LOAD_OPTIONS,
  })
  if (typeof values === 'string') return fail(values)
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const unknown = values.stack.find(name => !STACKS.some(stack => stack.name === name))
  if (unknown !== undefined)
    return fail(`--stack ${unknown}: there is none; choose of ${STACKS.map(stack => stack.name).join(', ')}`)
  if (values.install) install(values.python)
  const scenes = scenesOf(values.scene)
  const load = loadOf(values)
  if (typeof scenes === 'string') return fail(scenes)
  if (typeof load === 'string') return fail(load)
  const missing = prepared()
  if (missing !== null) return fail(missing)
  const stacks = STACKS.filter(stack => values.stack.includes(stack.name)).filter(stack => {
    const missing = missingOf(stack)
    if (missing !== null) console.log(`left out: ${stack.name}: there is no ${missing} (npm run bench -- --install)`)
    return missing === null
  })
  const results = await runScenes(scenes, stacks, load)
  if (values.output !== undefined) {
    mkdirSync(values.output, { recursive: true })
    writeFileSync(join(values.output, 'bench.json'), `${JSON.stringify(results, null, 1)}\n`)
    writeFileSync(join(values.output, 'bench.svg'), charts(results, command()))
    console.log(`figures: ${join(values.output, 'bench.json')}, charts: ${join(values.output, 'bench.svg')}`)
  }
  return results.every(({ results: [own] }) => own !== undefined && own.failure === null) ? 0 : 1
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

process.exitCode = await main()
