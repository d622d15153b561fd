/**
 * The server behind a proxy that is measured: the same program for each of them, on the core of the clients. What it uses is not counted.
 * Files come from nginx, which costs little beside any proxy; what reads content or speaks WebSocket is `apps/backend.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { CLIENT_CORE } from './load.ts'
import { nginxFiles } from './nginx.ts'
import type { Scene } from './scenes.ts'
import { makeFiles } from './stacks.ts'

const OF_FILES: readonly Scene['load'][] = ['small-file', 'file', 'half-load']
const ATTEMPTS = 100

export class Backend {
  readonly #process: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#process = child
    this.port = port
  }

  /**
   * @param within - It has a directory of its own there.
   * @throws When it does not listen within ten seconds.
   */
  static async start(scene: Scene, port: number, within: string): Promise<Backend> {
    const directory = join(within, 'backend')
    mkdirSync(directory)
    const words = OF_FILES.includes(scene.load)
      ? nginxFiles(makeFiles(directory), { port, innerPort: 0, directory, certificate: null })
      : [process.execPath, join(import.meta.dirname, 'apps/backend.ts'), String(port)]
    const child = spawn('taskset', ['-c', CLIENT_CORE, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', data => {
      errors = (errors + data).slice(-500)
    })
    const backend = new Backend(child, port)
    for (let attempt = 0; !(await listens(port)); attempt++) {
      if (attempt === ATTEMPTS || child.exitCode !== null) {
        await backend.end()
        throw new Error(`the server behind the proxy does not listen: ${errors}`)
      }
      // wait: until it listens; bounded above
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    return backend
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exit
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
