/**
 * One keep-alive connection of the chaos runner's load: one request at a time, its answer read as HTTP/1.1 says. It is a client of our own
 * because it must tell how an exchange ended: with an answer or without one, and then whether any byte had come.
 */
import type { Socket } from 'node:net'
import { connectTo, type Target } from '../support/target.ts'

/** Longer than any deadline of the program under test. A request that waits so long is lost. */
const ANSWER_MS = 60_000

export interface Answer {
  readonly status: number
  /** Names lower-case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** The connection ended before the answer did. */
export class Broken extends Error {}

export class Client {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #wanted: { resolve(answer: Answer): void; reject(error: Error): void; timer: NodeJS.Timeout } | null = null
  /** The gateway that it led to was killed: what is in flight on it may be cut. */
  isDoomed = false
  isClosed = false

  constructor(target: Target) {
    this.#socket = connectTo(target)
    let reason = 'closed by the server'
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
      this.#read(false)
    })
    this.#socket.on('error', error => {
      reason = error.message
    })
    this.#socket.on('end', () => this.#read(true))
    this.#socket.on('close', () => {
      this.isClosed = true
      this.#reject(new Broken(`${reason}, ${this.#received.length} bytes of the answer had come`))
    })
  }

  request(data: string | Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) {
        reject(new Broken('closed before the request was sent'))
        return
      }
      // wait: at most; a request without an answer is lost
      const timer = setTimeout(() => {
        this.#reject(new Broken(`no answer in ${ANSWER_MS / 1000} s`))
        this.close()
      }, ANSWER_MS)
      this.#wanted = { resolve, reject, timer }
      this.#socket.write(data)
    })
  }

  close(): void {
    this.isClosed = true
    this.#socket.destroy()
  }

  #reject(error: Error): void {
    const wanted = this.#wanted
    this.#wanted = null
    clearTimeout(wanted?.timer)
    wanted?.reject(error)
  }

  #read(atEnd: boolean): void {
    if (this.#wanted === null) return
    const read = parse(this.#received, atEnd)
    if (read === null) return
    const { resolve, timer } = this.#wanted
    this.#wanted = null
    clearTimeout(timer)
    this.#received = this.#received.subarray(read.length)
    if (atEnd || read.answer.headers.get('connection') === 'close') this.close()
    resolve(read.answer)
  }
}

/** Null: not complete yet. */
function parse(data: Buffer, atEnd: boolean): { answer: Answer; length: number } | null {
  const end = data.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [first = '', ...lines] = data.toString('latin1', 0, end).split('\r\n')
  const headers = new Map(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const start = end + 4
  const body =
    headers.get('transfer-encoding') === 'chunked' ? chunked(data, start) : sized(data, start, headers, atEnd)
  if (body === null) return null
  return { answer: { status: Number(first.split(' ')[1]), headers, body: body.text }, length: body.end }
}

interface Content {
  readonly text: string
  readonly end: number
}

function sized(data: Buffer, start: number, headers: ReadonlyMap<string, string>, atEnd: boolean): Content | null {
  const length = headers.get('content-length')
  if (length === undefined) return atEnd ? { text: data.toString('latin1', start), end: data.length } : null
  const end = start + Number(length)
  return data.length < end ? null : { text: data.toString('latin1', start, end), end }
}

function chunked(data: Buffer, start: number): Content | null {
  let text = ''
  for (let at = start; ; ) {
    const line = data.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(data.toString('latin1', at, line), 16)
    const next = line + 2 + size + 2
    if (data.length < next) return null
    if (size === 0) return { text, end: next }
    text += data.toString('latin1', line + 2, line + 2 + size)
    at = next
  }
}
