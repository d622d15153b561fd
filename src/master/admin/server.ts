/**
 * The admin socket: takes one question a line, and answers it (`control/admin-messages.ts`). Runs in the master.
 *
 * Invariants: nothing that a client sends throws, or holds up the master. Everything is bounded: connections, the length of a question, the
 * time until it is complete, what a client has not read. A connection has one question at a time; what comes meanwhile waits unread. A
 * question that is none is answered with the reason, and changes nothing.
 * Not here: where the socket is and who reaches it (`host/admin-path.ts`), what a question asks for (`commands.ts`).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { ADMIN_VERSION, type AdminAnswer, type AdminQuestion, MAX_QUESTION } from '../../control/admin-messages.ts'
import { readQuestion } from '../../control/admin-shapes.ts'
import type { AdminPath } from '../host/admin-path.ts'

/** A person has one, and a script or two. */
const MAX_CONNECTIONS = 16
/** For a question to come, and for an answer to be read. */
const IDLE_MS = 10_000

export type LastAnswer = Exclude<AdminAnswer, { readonly progress: string }>

/** Never rejects. `tell`: a line of progress. */
export type Answer = (question: AdminQuestion, tell: (progress: string) => void) => Promise<LastAnswer>

export interface AdminServer {
  readonly path: string
  /** Closes all connections: a client of `stop` waits for that. */
  close(): void
}

/** Throws when the socket cannot be bound. `idleMs`: for tests. */
export function listenForCommands(place: AdminPath, answer: Answer, idleMs: number = IDLE_MS): AdminServer {
  const open = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    new Conversation(socket, answer, idleMs).start()
  })
  server.maxConnections = MAX_CONNECTIONS
  // It cannot be bound: then `place` finds no socket. Later, such as no descriptor left: the client sees that its connection is closed.
  server.on('error', () => {})
  // The socket is bound when `listen` returns.
  place.place(path => server.listen(path))
  return {
    path: place.path,
    close() {
      place.remove()
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

class Conversation {
  readonly #socket: Socket
  readonly #answer: Answer
  readonly #idleMs: number
  /** The beginning of the next question: at most MAX_QUESTION bytes and one read. */
  #rest: Buffer = Buffer.alloc(0)
  #isBusy = false
  #hasEnded = false
  /** It was refused: what else comes is thrown away, so that the client can read why. */
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, answer: Answer, idleMs: number) {
    this.#socket = socket
    this.#answer = answer
    this.#idleMs = idleMs
  }

  start(): void {
    const socket = this.#socket
    // The client has died. 'close' follows.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      if (this.#isOver) return
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
      this.#next()
    })
    socket.on('end', () => {
      this.#hasEnded = true
      this.#next()
    })
    socket.on('close', () => clearTimeout(this.#timer))
    this.#awaitClient()
  }

  #awaitClient(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#socket.destroy(), this.#idleMs)
  }

  /** Begins with the next question, if it is here and nothing else is to be done. */
  #next(): void {
    if (this.#isBusy || this.#isOver) return
    const end = this.#rest.indexOf(10)
    if (end > MAX_QUESTION || (end < 0 && this.#rest.length > MAX_QUESTION)) {
      this.#send({ jumak: ADMIN_VERSION, ok: false, error: `a question may have ${MAX_QUESTION} bytes` })
      this.#isOver = true
      this.#rest = Buffer.alloc(0)
      this.#socket.end()
      return
    }
    if (end < 0) {
      if (this.#hasEnded) this.#socket.end()
      return
    }
    const line = this.#rest.subarray(0, end).toString('utf8')
    this.#rest = this.#rest.subarray(end + 1)
    this.#isBusy = true
    this.#socket.pause()
    clearTimeout(this.#timer)
    void this.#respond(line)
  }

  async #respond(line: string): Promise<void> {
    const read = readQuestion(line)
    const answer =
      'problem' in read
        ? { jumak: ADMIN_VERSION, ok: false as const, error: read.problem }
        : await this.#answer(read.question, progress => this.#send({ jumak: ADMIN_VERSION, progress }))
    this.#awaitClient()
    const isTaken = this.#send(answer)
    const goOn = () => {
      this.#isBusy = false
      if (!this.#hasEnded) this.#socket.resume()
      this.#next()
    }
    // One answer at a time is in memory.
    if (isTaken) goOn()
    else this.#socket.once('drain', goOn)
  }

  #send(answer: AdminAnswer): boolean {
    if (!this.#socket.writable) return true
    return this.#socket.write(`${JSON.stringify(answer)}\n`)
  }
}
