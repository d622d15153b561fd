/**
 * Runs other programs for the scripts. A script that is told to stop stops what it runs, so that an interrupted
 * set-up leaves no pip or npm behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

export interface CommandResult {
  /** Exit code; 128 + signal number when a signal ended it; 127 when it could not be started. */
  readonly code: number
  /** Standard output and standard error as they came. */
  readonly output: string
  readonly milliseconds: number
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

const running = new Set<ChildProcess>()
let watching = false

function stopChildrenOnSignals(): void {
  if (watching) return
  watching = true
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      for (const child of running) child.kill(signal)
      process.exit(128 + constants.signals[signal])
    })
  }
}

/** Never rejects: the caller looks at `code`. */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  stopChildrenOnSignals()
  const startedAt = performance.now()
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    const parts: Buffer[] = []
    const end = (code: number) => {
      running.delete(child)
      const output = Buffer.concat(parts).toString()
      resolve({ code, output, milliseconds: performance.now() - startedAt })
    }
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.stderr.on('data', (part: Buffer) => parts.push(part))
    child.on('error', error => {
      parts.push(Buffer.from(error.message))
      end(127)
    })
    child.on('close', (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}

/** `0.4 s`, `12 s`. */
export function seconds(milliseconds: number): string {
  return milliseconds < 9950 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 1000)} s`
}
