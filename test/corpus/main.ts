/**
 * `npm run test:corpus`: how many command lines of other servers start the application that they name. The lines are those of this folder, or
 * with `-- --corpus DIR` those of another one (`DIR/commands/gunicorn.txt` or `DIR/gunicorn.txt`). What a line needs and this machine has not
 * gets a stand-in (`stand-ins.ts`). `--only TEXT`: lines that have it. `--least N`: fewer per cent are a failure; 95 if left out.
 *
 * The lines are read by a shell, with their commands in backticks: name only a directory that you trust.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NotifySocket } from '../support/notify-socket.ts'
import { ROOT } from '../support/paths.ts'
import { type Prepared, prepare } from './stand-ins.ts'

const PROGRAMS = ['gunicorn', 'uvicorn'] as const
/** For one start. Machines are shared. */
const START_MS = 60_000

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: import.meta.dirname },
    only: { type: 'string', default: '' },
    least: { type: 'string', default: '95' },
  },
})

interface Outcome {
  readonly line: string
  /** Null: it serves. */
  readonly reason: string | null
}

const notify = await NotifySocket.bind(`@jumak-corpus-${process.pid}`)
let isEnough = true
for (const program of PROGRAMS) {
  const outcomes: Outcome[] = []
  for (const line of linesOf(program)) {
    const reason = await tryLine(program, line)
    outcomes.push({ line, reason })
    console.log(`${reason === null ? 'starts' : 'fails '} ${line}${reason === null ? '' : `\n         ${reason}`}`)
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
  console.log(`\n${program}: ${good} of ${outcomes.length} start (${percent.toFixed(1)} %)`)
  const byReason = Map.groupBy(outcomes, ({ reason }) => reason)
  for (const [reason, those] of [...byReason].sort(([, a], [, b]) => b.length - a.length))
    console.log(`  ${String(those.length).padStart(3)}  ${reason ?? 'serves'}`)
  console.log('')
  return percent
}

async function tryLine(program: (typeof PROGRAMS)[number], line: string): Promise<string | null> {
  const prepared = await prepare(program, line)
  try {
    return await start(program, prepared)
  } finally {
    rmSync(prepared.root, { recursive: true, force: true })
  }
}

/** Starts it, waits until it says READY or ends, and stops it. */
async function start(program: string, { words, directory, env }: Prepared): Promise<string | null> {
  const from = notify.received.length
  const child = spawn(join(ROOT, 'bin/jumak'), [program, ...words], {
    cwd: directory,
    env: { ...env, NOTIFY_SOCKET: `@jumak-corpus-${process.pid}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'close')
  const ready = notify.waitFor('READY=1', from).then(
    () => true,
    () => false,
  )
  const isReady = await Promise.race([ready, ended.then(() => false)])
  if (child.exitCode === null) await stop(child, ended)
  return isReady ? null : reasonOf(output)
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGINT')
  // wait: at most, for a program that does not stop
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS)
  await ended
  clearTimeout(late)
}

/** The first sentence that is no usual line of a start. */
function reasonOf(output: string): string {
  const lines = output.split('\n').filter(line => /^jumak: |\berror\b/.test(line))
  return (lines[0] ?? output.trim().split('\n').at(-1) ?? 'it said nothing')
    .replace(/^.* error \S+ +/, '')
    .slice(0, 300)
}
