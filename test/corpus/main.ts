/**
 * `npm run test:corpus`: how many command lines of other servers start the application that they name. The lines are those of this folder, or
 * with `-- --corpus DIR` those of another one (`DIR/commands/gunicorn.txt` or `DIR/gunicorn.txt`). What a line needs and this machine has not
 * gets a stand-in (`stand-ins.ts`). `--only TEXT`: lines that have it. `--least N`: fewer per cent are a failure; 95 if left out.
 *
 * With `--adapted`: how many of them `jumak adapt` makes a `jumak.toml` of that answers as they do (`adapted.ts`).
 *
 * The lines are read by a shell, with their commands in backticks: name only a directory that you trust.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NotifySocket } from '../support/notify-socket.ts'
import { whyOtherwise } from './adapted.ts'
import { prepare } from './stand-ins.ts'
import { makeStarter } from './start.ts'

const PROGRAMS = ['gunicorn', 'uvicorn'] as const

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: import.meta.dirname },
    only: { type: 'string', default: '' },
    least: { type: 'string', default: '95' },
    adapted: { type: 'boolean', default: false },
  },
})

const GOOD = values.adapted ? 'alike ' : 'starts'

interface Outcome {
  readonly line: string
  /** Null: it serves. */
  readonly reason: string | null
}

const address = `@jumak-corpus-${process.pid}`
const notify = await NotifySocket.bind(address)
const starter = makeStarter(notify, address)
let isEnough = true
for (const program of PROGRAMS) {
  const outcomes: Outcome[] = []
  for (const line of linesOf(program)) {
    const reason = await tryLine(program, line)
    outcomes.push({ line, reason })
    console.log(`${reason === null ? GOOD : 'fails '} ${line}${reason === null ? '' : `\n         ${reason}`}`)
  }
  const percent = summarize(program, outcomes)
  isEnough &&= percent >= Number(values.least)
}
await notify.close()
process.exitCode = isEnough ? 0 : 1

function linesOf(program: string): string[] {
  const file = [join(values.corpus, 'commands', `${program}.txt`), join(values.corpus, `${program}.txt`)].find(
    existsSync,
  )
  if (file === undefined) throw new Error(`${values.corpus} has no ${program}.txt`)
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter(line => line.startsWith(`${program} `) && line.includes(values.only))
}

/** Per cent that start. */
function summarize(program: string, outcomes: readonly Outcome[]): number {
  const good = outcomes.filter(({ reason }) => reason === null).length
  const percent = outcomes.length === 0 ? 100 : (100 * good) / outcomes.length
  console.log(
    `\n${program}: ${good} of ${outcomes.length} ${values.adapted ? 'answer as the original' : 'start'} (${percent.toFixed(1)} %)`,
  )
  const byReason = Map.groupBy(outcomes, ({ reason }) => reason)
  for (const [reason, those] of [...byReason].sort(([, a], [, b]) => b.length - a.length))
    console.log(`  ${String(those.length).padStart(3)}  ${reason ?? GOOD}`)
  console.log('')
  return percent
}

async function tryLine(program: (typeof PROGRAMS)[number], line: string): Promise<string | null> {
  const prepared = await prepare(program, line)
  try {
    if (values.adapted) return await whyOtherwise(starter, program, prepared)
    const started = await starter([program, ...prepared.words], prepared)
    if (typeof started === 'string') return started
    await started.stop()
    return null
  } finally {
    rmSync(prepared.root, { recursive: true, force: true })
  }
}
