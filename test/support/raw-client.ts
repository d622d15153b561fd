/** A client that sends bytes as they are and reads responses as HTTP says, so that tests see what is really on the wire. */
import type { Socket } from 'node:net'
import { connectTo, type Target } from './target.ts'

const WAIT_MS = 30_000

export interface RawResponse {
  readonly version: string
  readonly status: number
  readonly reason: string
  /** Names lower-case, in order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
  readonly trailers: readonly (readonly [string, string])[]
  header(name: string): string | undefined
}

export class RawClient {
  readonly socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #ended = false
  #error: Error | null = null
  #wake: (() => void) | null = null

  constructor(target: Target) {
    this.socket = connectTo(target, { allowHalfOpen: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#notify()
    })
    this.socket.on('end', () => {
      this.#ended = true
      this.#notify()
    })
    this.socket.on('error', error => {
      this.#error = error
      this.#notify()
    })
    this.socket.on('close', () => {
      this.#ended = true
      this.#notify()
    })
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  send(data: string | Buffer): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this
  }

  /** GET with the given header lines, and `Host: test` unless they name another. */
  get(path: string, ...headers: string[]): this {
    const host = headers.some(line => /^host:/i.test(line)) ? [] : ['Host: test']
    return this.send(`GET ${path} HTTP/1.1\r\n${[...host, ...headers].map(line => `${line}\r\n`).join('')}\r\n`)
  }

  /** Waits for more bytes. False: the server has ended the connection. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false
    const timeout = Promise.withResolvers<never>()
    // wait: at most; a server that says nothing fails the test
    const timer = setTimeout(
      () => timeout.reject(new Error(`nothing more came; so far: ${JSON.stringify(this.#buffer.toString('latin1'))}`)),
      WAIT_MS,
    )
    try {
      await Promise.race([new Promise<void>(resolve => (this.#wake = resolve)), timeout.promise])
    } finally {
      clearTimeout(timer)
    }
    return true
  }

  /** Waits until the bytes contain `text` and takes everything up to its end. */
  async readUntil(text: string): Promise<string> {
    for (;;) {
      const at = this.#buffer.indexOf(text, 0, 'latin1')
      if (at >= 0) return this.#take(at + text.length).toString('latin1')
      if (!(await this.#more()))
        throw new Error(`ended before ${JSON.stringify(text)}: ${JSON.stringify(this.#buffer.toString('latin1'))}`, {
          cause: this.#error,
        })
    }
  }

  async readExactly(length: number): Promise<Buffer> {
    while (this.#buffer.length < length)
      if (!(await this.#more())) throw new Error(`ended after ${this.#buffer.length} of ${length} bytes`)
    return this.#take(length)
  }

  /** All bytes up to the server's FIN (or reset: then `reset` is true). */
  async readToEnd(): Promise<Buffer> {
    while (await this.#more());
    return this.#take(this.#buffer.length)
  }

  /** The server has reset the connection: what it sent last may be lost. */
  get reset(): boolean {
    return (this.#error as NodeJS.ErrnoException | null)?.code === 'ECONNRESET'
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }

  /** One response head, interim ones included. */
  async head(): Promise<{ version: string; status: number; reason: string; headers: [string, string][] }> {
    const text = await this.readUntil('\r\n\r\n')
    const [statusLine, ...lines] = text.slice(0, -4).split('\r\n')
    const match = /^HTTP\/(\d\.\d) (\d{3}) (.*)$/.exec(statusLine!)
    if (!match) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`)
    return { version: match[1]!, status: Number(match[2]), reason: match[3]!, headers: lines.map(splitHeader) }
  }

  /** One whole final response (interim ones are skipped). `method` tells whether content follows. */
  async response(method = 'GET'): Promise<RawResponse> {
    let head = await this.head()
    while (head.status < 200) head = await this.head()
    const header = (name: string) => head.headers.find(([key]) => key === name)?.[1]
    let body: Buffer = Buffer.alloc(0)
    let trailers: [string, string][] = []
    if (method === 'HEAD' || head.status === 204 || head.status === 304) {
      // No content, whatever the headers say (RFC9112§6.3).
    } else if (header('transfer-encoding') === 'chunked') {
      ;({ body, trailers } = await this.#chunked())
    } else if (header('content-length') !== undefined) {
      body = await this.readExactly(Number(header('content-length')))
    } else {
      body = await this.readToEnd()
    }
    return { ...head, body, trailers, header }
  }

  async #chunked(): Promise<{ body: Buffer; trailers: [string, string][] }> {
    const parts: Buffer[] = []
    for (;;) {
      const size = Number.parseInt(await this.readUntil('\r\n'), 16)
      if (size === 0) break
      parts.push(await this.readExactly(size))
      if ((await this.readExactly(2)).toString('latin1') !== '\r\n') throw new Error('a chunk does not end in CRLF')
    }
    const trailers: [string, string][] = []
    for (;;) {
      const line = await this.readUntil('\r\n')
      if (line === '\r\n') return { body: Buffer.concat(parts), trailers }
      trailers.push(splitHeader(line.slice(0, -2)))
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

/** One GET on a connection of its own. */
export function getOnce(target: Target, path: string, ...headers: string[]): Promise<RawResponse> {
  return withClient(target, client => client.get(path, 'Connection: close', ...headers).response())
}

/** The body of one GET, as text. */
export async function textOf(target: Target, path: string, ...headers: string[]): Promise<string> {
  return (await getOnce(target, path, ...headers)).body.toString()
}

/** Closes the client whatever becomes of the test. */
export async function withClient<T>(target: Target, use: (client: RawClient) => Promise<T>): Promise<T> {
  const client = new RawClient(target)
  try {
    return await use(client)
  } finally {
    client.close()
  }
}
