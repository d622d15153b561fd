/** Starts the program for a command line of the corpus, and says where it listens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Place } from '../differential/pair.ts'
import type { NotifySocket } from '../support/notify-socket.ts'
import { ROOT } from '../support/paths.ts'
import { runJumak } from '../support/run.ts'
import type { Prepared } from './stand-ins.ts'

/** For one start. Machines are shared. */
const START_MS = 60_000

export interface Started {
  readonly place: Place
  readonly stop: () => Promise<void>
}

/** Why it does not start, or what was started. `words`: all of the program's. */
export type Starter = (words: readonly string[], prepared: Prepared) => Promise<Started | string>

/** `address`: of `notify`, where the program says READY. */
export function makeStarter(notify: NotifySocket, address: string): Starter {
  return async (words, { root, directory, env }) => {
    const from = notify.received.length
    const socket = join(root, 'admin.sock')
    const child = spawn(join(ROOT, 'bin/jumak'), words, {
      cwd: directory,
      env: { ...env, NOTIFY_SOCKET: address, JUMAK_ADMIN_SOCKET: socket },
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
    const stop = () => (child.exitCode === null ? end(child, ended) : Promise.resolve())
    if (isReady) return { place: await placeOf(socket, directory), stop }
    await stop()
    return reasonOf(output)
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGINT')
  // wait: at most, for a program that does not stop
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS)
  await ended
  clearTimeout(late)
}

async function placeOf(socket: string, directory: string): Promise<Place> {
  const { stdout } = await runJumak(['status', '--json', '--admin-socket', socket], directory)
  const [listener]: string[] = JSON.parse(stdout).listeners
  const path = /^(?:https\+)?unix:(.*)$/.exec(listener!)?.[1]
  const isTls = listener!.startsWith('https')
  return { port: path === undefined ? Number(/\d+$/.exec(listener!)![0]) : 0, socket: path ?? null, isTls }
}

/** The first sentence that is no usual line of a start. */
function reasonOf(output: string): string {
  const lines = output.split('\n').filter(line => /^jumak: |\berror\b/.test(line))
  return (lines[0] ?? output.trim().split('\n').at(-1) ?? 'it said nothing')
    .replace(/^.* error \S+ +/, '')
    .slice(0, 300)
}
