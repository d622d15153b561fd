/** A connection over a transport in memory, and its client, for the tests of the connection. */
import { MemoryBudget } from '../../base/memory-budget.ts'
import { testConfig } from '../../config/testing/config.ts'
import type { Limits, Timeouts } from '../../config/types.ts'
import type { Answered, Exchange } from '../../http/exchange.ts'
import type { ProtocolConnection } from '../../http/protocol.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import { FileBuffers } from '../../protocols/file-buffers.ts'
import { createWebSocketEngine } from '../../websocket/engine.ts'
import type { Http2Options } from '../context.ts'
import { createHttp2, sendBuffers } from '../protocol.ts'
import { asText, BEGIN, type ServerFrame, ServerFrames } from './frames.ts'

const LIMITS = { body: 1_000_000, memoryBuffer: 65_536, bodyRate: 0, sendRate: 0, websocketMessage: 100_000 }
/** Milliseconds. */
const TIMEOUTS = { head: 1000, body: 1000, keepAlive: 2000, send: 1000 }

export interface Options {
  readonly limits?: Partial<Limits>
  readonly timeouts?: Partial<Timeouts>
  readonly http2?: Partial<Http2Options['http2']>
  readonly memory?: MemoryBudget
  /** False: the test sends the preface and SETTINGS. */
  readonly begins?: boolean
  /** The gateway drains already when the connection opens. */
  readonly isDraining?: boolean
}

export interface Setup {
  readonly client: MemoryClient
  readonly transport: MemoryTransport
  readonly connection: ProtocolConnection
  readonly exchanges: Exchange[]
  /** What the connection answered by itself. */
  readonly answered: Answered[]
  /** The errors of what was refused, as the log has them. */
  readonly refused: string[]
  /** Of each exchange, how often it was closed. */
  readonly closed: () => number[]
  readonly memory: MemoryBudget
  /** The gateway drains from now on. */
  readonly startDrain: () => void
  /** How often the connection has said that it is closed. */
  readonly connectionClosed: () => number
}

/** Memory that the engine of WebSockets takes is not counted in `memory`: a test of that gives its own. */
export function connect(onExchange: (exchange: Exchange) => void = () => {}, options: Options = {}): Setup {
  const { limits, timeouts } = testConfig({
    limits: { ...LIMITS, ...options.limits },
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  })
  const memory = options.memory ?? new MemoryBudget()
  const transport = new MemoryTransport()
  const exchanges: Exchange[] = []
  const answered: Answered[] = []
  const refused: string[] = []
  const closed: number[] = []
  let connectionClosed = 0
  const http2 = createHttp2({
    limits,
    timeouts,
    http2: { streams: 100, frameSize: 16_384, ...options.http2 },
    onExchange: exchange => {
      const at = exchanges.push(exchange) - 1
      closed[at] = 0
      exchange.onClosed(() => closed[at]!++)
      onExchange(exchange)
    },
    renderError: (status, accept = '', detail) => ({
      isOwnPage: false,
      contentType: accept.includes('json') ? 'application/json' : 'text/plain',
      body: Buffer.from(`${status} ${detail}`),
    }),
    webSockets: createWebSocketEngine({ limits, timeouts }, memory),
    memory,
    fileBuffers: new FileBuffers(new MemoryBudget()),
    sendBuffers: sendBuffers(new MemoryBudget()),
    onProtocolError: error => refused.push(error.message),
    onAnswered: entry => answered.push(entry),
  })
  if (options.isDraining) http2.startDrain()
  const connection = http2.open(transport, () => connectionClosed++)
  const client = new MemoryClient(transport)
  if (options.begins !== false) client.send(BEGIN)
  return {
    client,
    transport,
    connection,
    exchanges,
    answered,
    refused,
    closed: () => closed,
    memory,
    startDrain() {
      http2.startDrain()
      connection.startDrain()
    },
    connectionClosed: () => connectionClosed,
  }
}

/** Turns of the event loop without a write, and nothing more comes by itself. */
const QUIET_TURNS = 3

/** Sends frames, and reads ours. */
export class MemoryClient {
  readonly #transport: MemoryTransport
  readonly #reader = new ServerFrames()
  #read = 0

  constructor(transport: MemoryTransport) {
    this.#transport = transport
  }

  /** All in one read. */
  send(...frames: readonly Buffer[]): void {
    this.#transport.receive(Buffer.concat(frames))
  }

  /** What came since the last call, when nothing more comes by itself. */
  async frames(): Promise<ServerFrame[]> {
    const { writes } = this.#transport
    // A WebSocket's frames wait for the end of a turn before they are a stream's.
    for (let quiet = 0, before = writes.length; quiet < QUIET_TURNS; quiet++) {
      await tick()
      if (writes.length !== before) quiet = 0
      before = writes.length
    }
    const bytes = Buffer.concat(writes.slice(this.#read))
    this.#read = writes.length
    return this.#reader.read(bytes)
  }

  /** The same as text (`asText`), without SETTINGS and the window of the connection with which we begin. */
  async said(): Promise<string[]> {
    const lines = (await this.frames()).map(asText)
    return lines.filter(line => !line.startsWith('SETTINGS') && line !== 'WINDOW_UPDATE 0 16711681')
  }
}

/** Content that came on a stream, in all. */
export function contentOf(frames: readonly ServerFrame[], stream: number): Buffer {
  return Buffer.concat(
    frames.filter(frame => frame.type === 0 && frame.stream === stream).map(({ payload }) => payload),
  )
}

export const HELLO = { status: 200, reason: '', headers: ['Content-Length', '5'] }
export const PLAIN = { status: 200, reason: '', headers: [] }

export function answer({ response }: Exchange): void {
  response.respond(HELLO, Buffer.from('hello'))
}

/** The lines of `answer`. */
export const hello = (stream: number): string[] => [
  `HEADERS ${stream} :status=200 content-length=5`,
  `DATA ${stream} hello end`,
]

export const tick = () => new Promise(resolve => setImmediate(resolve))

/** Everything that the content brings, as text: `abc`, `end`, `error …`. */
export function pull(exchange: Exchange, into: string[] = []): string[] {
  exchange.body.pull({
    onData: chunk => into.push(chunk.toString('latin1')) > 0,
    onEnd: trailers => into.push(['end', ...trailers].join(' ')),
    onError: error => into.push(`error ${error.message}`),
  })
  return into
}
