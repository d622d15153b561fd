/**
 * The switch of the client: with TEST_HTTP=2 in the environment a test's program is reached through this translator, which runs in the
 * test's process. It takes HTTP/1.1 of whatever client a test has (bytes, fetch, WebSocket) and speaks HTTP/2 to the program, over TLS
 * if the program does: a connection for a connection, so that limits, stops and aborts mean the same. Nothing else of a test changes.
 *
 * What does not come through, because HTTP/2 has no such thing: reason phrases, the framing of content, what is no HTTP/1.1.
 * A test of these is one for HTTP/1 only: `testOfHttp1`.
 *
 * The parser and writer of HTTP/1.1 are node:http's, the client of HTTP/2 is node:http2's. It holds back as either side does.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'

/** The version that clients speak to the programs of tests. */
export const HTTP: '1' | '2' = process.env['TEST_HTTP'] === '2' ? '2' : '1'

/** For what is there in HTTP/1 only. With HTTP/2 it is no test, not even a skipped one. */
export const testOfHttp1: typeof test = HTTP === '1' ? test : ((() => Promise.resolve()) as unknown as typeof test)

/** The reason phrase that a client sees where the program gives `phrase`: HTTP/2 has none, and the translator's is the usual one. */
export function reasonOf(status: number, phrase: string): string {
  return HTTP === '1' ? phrase : STATUS_CODES[status]!
}

/** What belongs to a connection of HTTP/1 (RFC9113§8.2.2), and Host, which is `:authority`. */
const OF_CONNECTION = new Set(['connection', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])
/** Of RFC6455§1.3. */
const WEBSOCKET = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export class Translator {
  readonly port: number
  readonly #server: Server
  #to: string | null = null
  #tls: SecureClientSessionOptions = {}

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async listen(): Promise<Translator> {
    const unbounded = {
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 2 ** 30,
    }
    const isWebSocket = (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket'
    const server = createServer({ ...unbounded, maxHeaderSize: 2 ** 20, shouldUpgradeCallback: isWebSocket })
    const connections = new WeakMap<Duplex, Connection>()
    server.on('connection', (socket: Socket) => {
      connections.set(socket, new Connection(socket.setNoDelay(), translator.#connect()))
    })
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      connections.get(request.socket)!.onRequest(request, response)
    // Whether the program continues is its own answer.
    server.on('request', onRequest).on('checkContinue', onRequest).on('checkExpectation', onRequest)
    server.on('upgrade', (request, socket, head) => connections.get(socket)!.onUpgrade(request, socket as Socket, head))
    server.on('clientError', (_error, socket) => socket.destroy())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    // A test file ends although it listens.
    server.unref()
    const translator: Translator = new Translator(server)
    return translator
  }

  /** Where the program is. `tls`: of a client that trusts it; null: it speaks in the clear. */
  lead(port: number, tls: SecureClientSessionOptions | null): void {
    this.#to = `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`
    this.#tls = tls ?? {}
  }

  close(): void {
    this.#server.close()
  }

  #connect(): ClientHttp2Session {
    if (this.#to === null) throw new Error('a client connects before the program listens')
    return connect(this.#to, this.#tls)
  }
}

/** A connection of the test's client, and the one to the program for it. */
class Connection {
  readonly #socket: Socket
  readonly #session: ClientHttp2Session
  #requests = 0
  #isLast = false

  constructor(socket: Socket, session: ClientHttp2Session) {
    this.#socket = socket
    this.#session = session
    socket.on('error', () => {})
    socket.on('close', () => session.destroy())
    // ECONNREFUSED, ECONNRESET: the client sees no answer, and a reset.
    session.on('error', () => socket.resetAndDestroy())
    session.on('goaway', () => {
      this.#isLast = true
      this.#endIfIdle()
    })
    session.on('close', () => {
      this.#isLast = true
      if (this.#requests === 0) socket.end()
    })
    // A client of HTTP/1 keeps the test's process alive by itself.
    session.unref()
  }

  #endIfIdle(): void {
    if (this.#isLast && this.#requests === 0) this.#socket.end()
  }

  /** Null: the connection takes no more streams. */
  #ask(fields: string[], options: { endStream: boolean; waitForTrailers: boolean }): ClientHttp2Stream | null {
    try {
      return this.#session.request(fields, options)
    } catch {
      return null
    }
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { 'content-length': length, 'transfer-encoding': coding, trailer } = request.headers
    const isEmpty = (length === undefined || length === '0') && coding === undefined && trailer === undefined
    // Only where they are announced: waiting for trailers, node:http2 never ends content of some lengths.
    const options = { endStream: isEmpty, waitForTrailers: trailer !== undefined }
    const stream = this.#ask(fieldsOf(request, this.#session), options)
    if (stream === null) {
      this.#socket.resetAndDestroy()
      return
    }
    this.#requests++
    response.sendDate = false
    // A head that is flushed alone is in the socket's encoding.
    this.#socket.setDefaultEncoding('latin1')
    stream.on('wantTrailers', () => stream.sendTrailers(request.trailers))
    if (!isEmpty) request.pipe(stream)
    request.on('error', () => {})
    response.on('close', () => {
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
    })
    stream.on('headers', headers => interim(response, headers))
    stream.on('response', (headers, _flags, raw: string[]) => {
      const status = Number(headers[':status'])
      if (this.#isLast) response.shouldKeepAlive = false
      for (const [name, values] of grouped(raw)) response.setHeader(name, values)
      response.writeHead(status)
      // So that a head without content yet is on its way.
      response.flushHeaders()
      stream.on('trailers', (_headers, _flags: number, trailers: string[]) => response.addTrailers(pairs(trailers)))
    })
    stream.on('data', (data: Buffer) => {
      if (response.write(data)) return
      stream.pause()
      response.once('drain', () => stream.resume())
    })
    stream.on('error', () => {})
    stream.on('close', () => {
      this.#requests--
      request.unpipe(stream)
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR && response.headersSent) {
        response.end()
        response.once('finish', () => this.#endIfIdle())
      } else this.#socket.destroy()
    })
  }

  /** RFC8441: a stream by extended CONNECT instead of the connection. */
  async onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    this.#requests++
    socket.on('error', () => {})
    if (Object.keys(this.#session.remoteSettings ?? {}).length === 0) await once(this.#session, 'remoteSettings')
    const stream = this.#ask(fieldsOf(request, this.#session, 'websocket'), {
      endStream: false,
      waitForTrailers: false,
    })
    if (stream === null) {
      socket.resetAndDestroy()
      return
    }
    socket.on('close', () => {
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
    })
    stream.on('error', () => {})
    stream.on('response', (headers, _flags, raw: string[]) => {
      const status = Number(headers[':status'])
      const lines = [...grouped(raw)].flatMap(([name, values]) => values.map(value => `${name}: ${value}\r\n`)).join('')
      if (status === 200) {
        const key = createHash('sha1').update(`${request.headers['sec-websocket-key']}${WEBSOCKET}`).digest('base64')
        const upgrade = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n`
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}${lines}\r\n`, 'latin1')
        if (head.length > 0) stream.write(head)
        socket.pipe(stream)
      } else socket.write(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n${lines}\r\n`, 'latin1')
      stream.pipe(socket)
    })
    stream.on('close', () => {
      this.#requests--
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) socket.destroy()
    })
  }
}

/** As node:http2 takes them: names and values in turns. */
function fieldsOf(request: IncomingMessage, { encrypted }: ClientHttp2Session, protocol?: string): string[] {
  const fields = [':method', protocol === undefined ? request.method! : 'CONNECT']
  fields.push(':scheme', encrypted ? 'https' : 'http', ':path', request.url!)
  if (request.headers.host !== undefined) fields.push(':authority', request.headers.host)
  if (protocol !== undefined) fields.push(':protocol', protocol)
  for (const [name, value] of inPairs(request.rawHeaders)) {
    const lower = name.toLowerCase()
    const isDropped = OF_CONNECTION.has(lower) || (protocol !== undefined && lower === 'sec-websocket-key')
    if (!isDropped && (lower !== 'te' || value === 'trailers')) fields.push(lower, value)
  }
  return fields
}

/** A response of 1xx. */
function interim(response: ServerResponse, headers: IncomingHttpHeaders & { ':status'?: number | undefined }): void {
  if (headers[':status'] === 100) {
    response.writeContinue()
    return
  }
  const lines = Object.entries(headers)
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, value]) => [value ?? []].flat().map(one => `${name}: ${one}\r\n`))
  response.socket?.write(`HTTP/1.1 ${headers[':status']} Interim\r\n${lines.join('')}\r\n`, 'latin1')
}

function inPairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!])
}

function pairs(raw: readonly string[]): [string, string][] {
  return inPairs(raw).filter(([name]) => !name.startsWith(':'))
}

/** Values by name, without pseudo-header fields. */
function grouped(raw: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [name, value] of pairs(raw)) found.set(name, [...(found.get(name) ?? []), value])
  return found
}
