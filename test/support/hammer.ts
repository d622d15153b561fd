/**
 * Clients without a pause: each opens a connection, sends a GET, reads the answer and begins again, until it cannot connect, or is told to
 * leave. What counts is how its last request ends. A server that stops must refuse the connection: then the client knows that nothing has begun.
 * Any other end has lost a request.
 */
import { connectTo, type Target } from './target.ts'

export interface Hammered {
  readonly answered: number
  /** How connections ended that were made, and then reset or closed without an answer. */
  readonly lost: readonly string[]
}

export class Hammer {
  answered = 0
  #isOver = false
  readonly #lost: string[] = []
  readonly #running: Promise<unknown>

  constructor(target: Target, clients = 12) {
    this.#running = Promise.all(Array.from({ length: clients }, () => this.#run(target)))
  }

  /** No client begins again. Resolves when the last one has its answer. */
  leave(): Promise<Hammered> {
    this.#isOver = true
    return this.over()
  }

  /** Resolves when nobody can connect any more. */
  async over(): Promise<Hammered> {
    await this.#running
    return { answered: this.answered, lost: this.#lost }
  }

  async #run(target: Target): Promise<void> {
    while (!this.#isOver) {
      const end = await ask(target)
      if (end === 'answered') {
        this.answered++
      } else {
        if (!REFUSED.has(end)) this.#lost.push(end)
        return
      }
    }
  }
}

/** ENOENT: the path of a Unix socket is removed first. */
const REFUSED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])

function ask(target: Target): Promise<string> {
  const socket = connectTo(target)
  socket.write('GET / HTTP/1.1\r\nHost: hammer\r\nConnection: close\r\n\r\n')
  return new Promise(resolve => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (data: string) => (text += data))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () =>
      resolve(text.startsWith('HTTP/1.1 200 ') ? 'answered' : `closed after ${JSON.stringify(text)}`),
    )
  })
}
