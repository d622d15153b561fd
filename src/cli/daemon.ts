/**
 * `--daemon`: starts the same program again, in a session of its own and without a terminal, and waits until that serves. The settings are
 * right by then: a wrong one was told before. Runs in the command line.
 *
 *     this process ── starts ──▶ the daemon ── its log, from warnings on ──▶ this process shows it
 *                                           ── NUL: it serves ──▶ this process ends with 0
 *                                           ── ends ──▶ this process ends with its exit code
 *
 * Not here: the daemon's end of the pipe (`master/output/launcher.ts`).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { isatty } from 'node:tty'
import { DAEMON, STARTED_AS, type Started } from '../control/started.ts'
import { writeTo } from './terminal.ts'

/** The first descriptor after standard error. */
const PIPE = 3
const SIGNALLED = 128
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** `keepsOutput`: standard output and error stay what they are, unless they are a terminal. Resolves with the exit code. */
export async function startDaemon({ program }: Started, keepsOutput: boolean): Promise<number> {
  const words = process.argv.slice(2)
  const [command, ...args] =
    program === null ? [process.execPath, ...nodeFlags(), process.argv[1]!, ...words] : [program, ...words]
  const output = (fd: number) => (keepsOutput && !isatty(fd) ? 'inherit' : 'ignore')
  const daemon = spawn(command!, args, {
    stdio: ['ignore', output(1), output(2), 'pipe'],
    detached: true,
    env: { ...process.env, [DAEMON]: String(PIPE), ...(program !== null && { [STARTED_AS]: program }) },
  })
  let asked = 0
  const stop = (signal: (typeof SIGNALS)[number]) => {
    asked = SIGNALLED + constants.signals[signal]
    daemon.kill('SIGTERM')
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  const serves = showUntilItServes(daemon.stdio[PIPE] as Readable)
  const ended = once(daemon, 'close').then(
    ([code, signal]) => (code as number | null) ?? SIGNALLED + constants.signals[signal as NodeJS.Signals],
    error => {
      writeTo(process.stderr, `jumak: cannot start the daemon: ${(error as Error).message}\n`)
      return 1
    },
  )
  const code = await Promise.race([serves, ended])
  if (code !== 0 || asked > 0) writeTo(process.stderr, `jumak: the daemon has ended before it served (code ${code})\n`)
  for (const signal of SIGNALS) process.removeListener(signal, stop)
  daemon.unref()
  // A stop that was asked for is no success: nobody serves.
  return asked || code
}

/** Resolves with 0 when a NUL comes; never when it does not. */
function showUntilItServes(pipe: Readable): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  pipe.on('data', (bytes: Buffer) => {
    const end = bytes.indexOf(0)
    const shown = end < 0 ? bytes : bytes.subarray(0, end)
    if (shown.length > 0) writeTo(process.stderr, shown.toString())
    if (end < 0) return
    pipe.destroy()
    resolve(0)
  })
  return promise
}

function nodeFlags(): readonly string[] {
  return process.execArgv.includes('--') ? process.execArgv : [...process.execArgv, '--']
}
