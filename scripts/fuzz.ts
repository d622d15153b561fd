/**
 * `npm run fuzz -- MINUTES`: random inputs for everything that reads bytes of strangers, until the time is over or one fails.
 * `npm run fuzz -- MINUTES TARGET`: for one target. `npm run fuzz -- TARGET SEED` and `npm run fuzz -- TARGET HEX:SEED` run one input again.
 * What they are made of, and what is checked, is in `test/fuzz/`.
 */
import { type Failure, inputOf, tryInput } from '../test/fuzz/fuzzer.ts'
import { TARGETS, type Target } from '../test/fuzz/targets.ts'

const USAGE = `npm run fuzz -- MINUTES [${TARGETS.map(({ name }) => name).join('|')}], or TARGET SEED, or TARGET HEX:SEED`
/** Of one target, before it is the next one's turn. */
const ROUND = 200

async function runAgain(target: Target, input: Buffer, seed: number): Promise<number> {
  if (!(await runOne(target, input, seed))) return 1
  console.log(`${target.name}: ${input.length} bytes, no failure`)
  return 0
}

/** True: all is well. */
async function runOne(target: Target, input: Buffer, seed: number): Promise<boolean> {
  running = { target, input, seed }
  const failure = await tryInput(target, input, seed)
  if (failure !== null) report(target, failure, seed)
  return failure === null
}

function report(target: Target, failure: Failure, seed: number): void {
  const hex = failure.input.toString('hex')
  console.log(`\nFAILED: ${target.name}, seed ${seed}\n${failure.error.stack}\n`)
  console.log(`least input (${failure.input.length} bytes): ${JSON.stringify(failure.input.toString('latin1'))}`)
  console.log(`once more:   npm run fuzz -- ${target.name} ${seed}`)
  console.log(`the least:   npm run fuzz -- ${target.name} ${hex}:${seed}`)
  console.log(`for ever:    a line "what it shows: ${hex}" in test/fuzz/corpus/${target.name}.txt`)
}

/** What is thrown when nobody listens any more would end the gateway. It cannot be made small: the check does not hear of it. */
let running: { readonly target: Target; readonly input: Buffer; readonly seed: number } | null = null
process.on('uncaughtException', error => {
  if (running !== null) report(running.target, { error, input: running.input }, running.seed)
  process.exit(1)
})

async function fuzz(minutes: number, targets: readonly Target[]): Promise<number> {
  const end = Date.now() + minutes * 60_000
  let seed = Math.floor(Math.random() * 2 ** 31)
  console.log(`seeds from ${seed} on`)
  const first = seed
  for (let turn = 0; Date.now() < end; turn++) {
    const target = targets[turn % targets.length]!
    for (let i = 0; i < ROUND; i++, seed++) if (!(await runOne(target, inputOf(target, seed), seed))) return 1
  }
  console.log(`${seed - first} inputs, no failure`)
  return 0
}

function targetOf(name: string | undefined): Target | undefined {
  return TARGETS.find(target => target.name === name)
}

async function main([first = '', second]: readonly string[]): Promise<number> {
  const one = targetOf(first)
  const given = /^([0-9a-f]*):(\d+)$/.exec(second ?? '')
  if (one !== undefined && given !== null) return await runAgain(one, Buffer.from(given[1]!, 'hex'), Number(given[2]))
  if (one !== undefined && /^\d+$/.test(second ?? ''))
    return await runAgain(one, inputOf(one, Number(second)), Number(second))
  const minutes = Number(first)
  const chosen = second === undefined ? TARGETS : TARGETS.filter(({ name }) => name === second)
  if (minutes > 0 && chosen.length > 0) return await fuzz(minutes, chosen)
  console.error(`npm run fuzz: ${USAGE}`)
  return 1
}

process.exitCode = await main(process.argv.slice(2))
