/** Jumak as it is profiled: started on a scene's application, on a core of its own, with one worker. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Scene } from '../scenes.ts'
import { ROOT, venv } from '../stacks.ts'
import { parentOf, processes } from './processes.ts'

export const SERVER_CORE = '0'
const START_MS = 30_000
const END_MS = 10_000

export interface Roles {
  readonly master: number
  readonly gateway: number
  readonly preloader: number
  readonly worker: number
}

export class Server {
  readonly port: number
  readonly pids: Roles
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
    this.pids = rolesUnder(child.pid!)
  }

  /** `directory`: for what Node leaves behind; the application is found by PYTHONPATH. */
  static async start(scene: Scene, env: NodeJS.ProcessEnv, directory: string): Promise<Server> {
    const port = await freePort()
    const options = ['-b', `127.0.0.1:${port}`, '-w', '1', '--python', venv('python'), '--log-level', 'warn']
    // A chain of exec: taskset, sh and Node are one process, the master.
    const child = spawn('taskset', ['-c', SERVER_CORE, join(ROOT, 'bin/jumak'), ...options, scene.app], {
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    child.stderr!.on('data', data => {
      errors = (errors + data).slice(-1000)
    })
    try {
      await answers(`http://127.0.0.1:${port}/`, child, () => errors)
      return new Server(port, child)
    } catch (error) {
      await end(child)
      if (child.pid !== undefined) removeMaps([child.pid])
      throw error
    }
  }

  async stop(): Promise<void> {
    await end(this.#child)
    removeMaps(Object.values(this.pids))
  }
}

/** V8 writes them for perf, where perf looks for them. */
function removeMaps(pids: readonly number[]): void {
  for (const pid of pids) rmSync(`/tmp/perf-${pid}.map`, { force: true })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  // The others notice by themselves that their master is gone.
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  await ended
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

async function answers(url: string, child: ChildProcess, errors: () => string): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < START_MS; ) {
    if (child.exitCode !== null) throw new Error(`jumak ended with exit code ${child.exitCode}: ${errors()}`)
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
      await response.arrayBuffer()
      if (response.status < 500) return
    } catch {
      // Not yet.
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`jumak did not answer within ${START_MS / 1000} s: ${errors()}`)
}

function rolesUnder(master: number): Roles {
  const all = processes()
  const find = (role: string, parent: number, part: string) => {
    const found = all.find(({ pid, command }) => parentOf(pid) === parent && command.includes(part))
    if (found === undefined) throw new Error(`there is no ${role} process under process ${parent}`)
    return found.pid
  }
  const preloader = find('preloader', master, 'jumak_worker')
  return {
    ...{ master, preloader, gateway: find('gateway', master, 'gateway/main') },
    worker: find('worker', preloader, 'jumak_worker'),
  }
}
