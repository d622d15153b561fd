/** A connection over a transport in memory, for the tests of the connection. */
import type { TestContext } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { testConfig } from '../../config/testing/config.ts'
import type { Limits, Timeouts } from '../../config/types.ts'
import type { Answered, Exchange } from '../../http/exchange.ts'
import type { ProtocolConnection } from '../../http/protocol.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import { FileBuffers } from '../../protocols/file-buffers.ts'
import { createWebSocketEngine } from '../../websocket/engine.ts'
import { createHttp1 } from '../protocol.ts'
import type { Wire } from '../wire.ts'

const LIMITS = { body: 1_000_000, memoryBuffer: 65_536, bodyRate: 0, sendRate: 0, websocketMessage: 100_000 }
/** Milliseconds. */
const TIMEOUTS = { head: 1000, body: 1000, keepAlive: 2000, send: 1000 }

export interface Setup {
  readonly transport: MemoryTransport
  readonly connection: ProtocolConnection
  readonly exchanges: Exchange[]
  /** What the connection answered by itself. */
  readonly answered: Answered[]
  /** The errors of what was refused, as the log has them. */
  readonly refused: string[]
  readonly closed: () => number
  /** The gateway drains from now on. */
  readonly startDrain: () => void
}

export function connect(
  onExchange: (exchange: Exchange) => void = () => {},
  isDraining = false,
  changes: Partial<Limits> = {},
  times: Partial<Timeouts> = {},
  memory: MemoryBudget = new MemoryBudget(),
  wire?: Wire,
): Setup {
  const { limits, timeouts } = testConfig({ limits: { ...LIMITS, ...changes }, timeouts: { ...TIMEOUTS, ...times } })
  const transport = new MemoryTransport()
  const exchanges: Exchange[] = []
  const answered: Answered[] = []
  const refused: string[] = []
  let closed = 0
  const options = {
    limits,
    timeouts,
    onExchange: (exchange: Exchange) => {
      exchanges.push(exchange)
      exchange.onClosed(() => closed++)
      onExchange(exchange)
    },
    renderError: (status: number, accept = '', detail: string) => ({
      isOwnPage: false,
      contentType: accept.includes('json') ? 'application/json' : 'text/plain',
      body: Buffer.from(`${status} ${detail}`),
    }),
    webSockets: createWebSocketEngine({ limits, timeouts }, memory),
    memory,
    fileBuffers: new FileBuffers(new MemoryBudget()),
    onProtocolError: (error: Error) => refused.push(error.message),
    onAnswered: (entry: Answered) => answered.push(entry),
  }
  const http1 = wire === undefined ? createHttp1(options) : createHttp1(options, wire)
  const connection = http1.open(transport, () => {})
  const startDrain = () => {
    http1.startDrain()
    connection.startDrain()
  }
  if (isDraining) startDrain()
  return { transport, connection, exchanges, answered, refused, closed: () => closed, startDrain }
}

export function answer(
  exchange: Exchange,
  body = 'hello',
  headers: string[] = ['Content-Length', String(body.length)],
): void {
  exchange.response.start({ status: 200, reason: '', headers: ['Date', 'now', ...headers] })
  exchange.response.write(Buffer.from(body))
  exchange.response.end()
}

export const tick = () => new Promise(resolve => setImmediate(resolve))
export const GET = 'GET / HTTP/1.1\r\nHost: t\r\n\r\n'
export const HELLO = 'HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nhello'

/** Mocks the time of coarse deadlines. Returns a function that lets milliseconds pass. */
export function fakeTime(t: TestContext): (ms: number) => void {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  return ms => {
    for (let step = 0; step < ms; step += 50) {
      now += 50
      t.mock.timers.tick(50)
    }
  }
}
