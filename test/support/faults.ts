/** Ends or hangs threads of the gateway from a test. `thread-faults.ts` is the other side, in the program. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryDirectory } from './project.ts'
import { until } from './server.ts'

/** error: throws where nobody catches. heap: keeps more than it may have. hang: does not come back, as does hang-natively, which cannot be ended. */
export type ThreadFault = 'error' | 'exit' | 'heap' | 'hang' | 'hang-natively'

/** Of each heap, in MB: small, so that it is soon exhausted. */
const HEAP_MB = 48
/** A thread hangs after so long where a test is about that: more than the second in which a thread says that it turns. */
const HANGS_AFTER_MS = 3000

export class ThreadFaults {
  readonly #directory: string

  readonly #hangsAfterMs: number

  constructor(directory: string, hangsAfterMs = 0) {
    this.#directory = directory
    this.#hangsAfterMs = hangsAfterMs
  }

  /** For the program that is to have them. */
  get env(): Readonly<Record<string, string>> {
    const script = join(import.meta.dirname, 'thread-faults.ts')
    return {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB} --import=${script}`,
      THREAD_FAULTS_OF_JUMAK_TEST: this.#directory,
      THREAD_HANGS_AFTER_MS_OF_JUMAK_TEST: String(this.#hangsAfterMs),
    }
  }

  /** What threads have told, line by line. */
  get #told(): string[] {
    const file = join(this.#directory, 'told')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  }

  /** How often a thread with this index has come up. */
  ups(index: number): number {
    return this.#told.filter(line => line === `up ${index}`).length
  }

  /** The index of the thread that got this client's connection over TCP, the last one if it has moved. The client has had an answer. */
  threadOf({ socket }: { readonly socket: Socket }): number {
    const [server, client] = [socket.remotePort!, socket.localPort!].map(hexadecimal)
    const sockets = readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .map(line => line.trim().split(/ +/))
    const own = sockets.find(([, local, remote]) => local?.endsWith(`:${server}`) && remote?.endsWith(`:${client}`))
    const inode = own![9]
    const last = this.#told.findLast(line => line.startsWith('connection ') && line.endsWith(` ${inode}`))
    return Number(last!.split(' ')[1])
  }

  /** Waits until a thread with this index has come up so often. */
  async up(index: number, times: number): Promise<void> {
    await until(
      () => this.ups(index) >= times,
      () => `thread ${index} came up ${this.ups(index)} times, not ${times}`,
    )
  }

  /** Resolves when the thread does it. `index`: from 0. */
  async inject(index: number, fault: ThreadFault): Promise<void> {
    const [next, file] = [join(this.#directory, 'next'), join(this.#directory, `thread-${index}`)]
    writeFileSync(next, fault)
    renameSync(next, file)
    await until(
      () => !existsSync(file),
      () => `thread ${index} does not take the fault`,
    )
  }
}

/** `hangsSoon`: after 3 s instead of 10. */
export function threadFaults(t: TestContext, { hangsSoon = false } = {}): ThreadFaults {
  return new ThreadFaults(temporaryDirectory(t), hangsSoon ? HANGS_AFTER_MS : 0)
}

function hexadecimal(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}
