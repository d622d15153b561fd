/** The servers behind the site of the notes: two programs of the same API, started before the one in front, and ended after it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SetupError } from './python.ts'
import { ROOT } from './tools.ts'

export const NOTES: string = join(ROOT, 'examples/notes')
const PROGRAM = join(ROOT, 'bin/jumak')
const NAMES = ['one', 'two'] as const
/** What ends, reloads or asks the program in front. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1'] as const

/** Serves until the program in front ends, and returns its exit code. `onReady`: with the process of each server, before the front starts. */
export async function serveNotes(
  python: string,
  args: readonly string[],
  onReady: (servers: readonly string[]) => void,
): Promise<number> {
  const directory = join(NOTES, 'run')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  // A server that is killed removes nothing of its own.
  const temporary = mkdtempSync(join(tmpdir(), 'jumak-notes-'))
  const servers = NAMES.map(name => startServer(name, directory, temporary, python))
  try {
    await Promise.all(servers.map(({ isReady }) => isReady))
    onReady(servers.map(({ name, child }) => `${name} (process ${child.pid})`))
    // A group of its own: Ctrl-C reaches this process alone, and the servers serve until the front has finished.
    const front = spawn(PROGRAM, ['--config', join(NOTES, 'jumak.toml'), ...args], { detached: true, stdio: 'inherit' })
    for (const signal of SIGNALS) {
      // Those of the set-up (`command.ts`) end this process at once.
      process.removeAllListeners(signal)
      process.on(signal, () => front.kill(signal))
    }
    const [code, signal] = await once(front, 'exit')
    return code ?? (signal === null ? 1 : 128)
  } finally {
    await Promise.all(servers.map(({ child }) => ended(child)))
    rmSync(temporary, { recursive: true, force: true })
  }
}

interface Behind {
  readonly name: string
  readonly child: ChildProcess
  /** @throws SetupError: it has ended. */
  readonly isReady: Promise<void>
}

function startServer(name: string, directory: string, temporary: string, python: string): Behind {
  const args = ['--python', python, '--bind', `unix:${join(directory, `${name}.sock`)}`, '--workers', '1', 'main:app']
  const child = spawn(PROGRAM, args, {
    cwd: join(NOTES, 'api'),
    detached: true,
    stdio: ['ignore', 'inherit', 'pipe'],
    env: {
      ...process.env,
      TMPDIR: temporary,
      NOTES_SERVER: name,
      JUMAK_ADMIN_SOCKET: join(directory, `${name}.admin`),
    },
  })
  const lines: string[] = []
  const isReady = new Promise<void>((resolve, reject) => {
    let isUp = false
    createInterface({ input: child.stderr! }).on('line', line => {
      if (/ master +ready$/.test(line)) {
        isUp = true
        resolve()
      }
      // The front tells of its own; of these only what is wrong matters, and what came before an early end.
      if (!isUp) lines.push(line)
      else if (!/^\S+ \S+ info /.test(line)) process.stderr.write(`server ${name}: ${line}\n`)
    })
    child.once('close', code => {
      if (isUp) process.stderr.write(`server ${name} has ended\n`)
      reject(new SetupError(`server ${name} ended with ${code}:\n${lines.join('\n')}`))
    })
  })
  // Where the other one fails first.
  isReady.catch(() => {})
  return { name, child, isReady }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
