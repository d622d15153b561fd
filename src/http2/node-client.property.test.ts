/**
 * Against the client of node:http2, over real sockets: whatever requests it sends, with whatever windows, priorities and resets, both ends see the
 * same content. fast-check prints the seed of a failure.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectClient, constants } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import { testConfig } from '../config/testing/config.ts'
import { transportOf } from '../gateway/transports/plain.ts'
import type { Exchange } from '../http/exchange.ts'
import { FileBuffers } from '../protocols/file-buffers.ts'
import { createWebSocketEngine } from '../websocket/engine.ts'
import { createHttp2, sendBuffers } from './protocol.ts'

const memory = new MemoryBudget()
const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true })
let port = 0
const open = new Set<unknown>()
const failures: Error[] = []

before(async () => {
  const { limits, timeouts } = testConfig()
  const http2 = createHttp2({
    limits,
    timeouts,
    http2: { streams: 100, frameSize: 16_384 },
    onExchange: echo,
    renderError: () => ({ isOwnPage: false, contentType: 'text/plain', body: Buffer.from('no') }),
    webSockets: createWebSocketEngine({ limits, timeouts }, memory),
    memory,
    fileBuffers: new FileBuffers(new MemoryBudget()),
    sendBuffers: sendBuffers(new MemoryBudget()),
    onProtocolError: error => failures.push(error),
    onAnswered() {},
  })
  server.on('connection', socket => {
    const transport = transportOf(socket, null, memory)
    const connection = http2.open(transport, () => open.delete(connection))
    open.add(connection)
    transport.start()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

after(() => server.close())

/** `/RESPONSE/PIECE`: answers with so many bytes in pieces, when the content has come; its trailers say how much that was, and its sum. */
function echo(exchange: Exchange): void {
  const { body, request, response } = exchange
  const [, bytes, piece, pauses] = request.path.split('/').map(Number) as [number, number, number, number]
  let received = 0
  let sum = 0
  body.pull({
    onData(chunk) {
      for (const byte of chunk) sum = (sum * 31 + byte) | 0
      received += chunk.length
      if (received % (pauses + 1) !== 0) return true
      setImmediate(() => body.resume())
      return false
    },
    onEnd() {
      if (response.state !== 'idle') return
      response.start({ status: 200, reason: '', headers: [], hasTrailers: true })
      let sent = 0
      const send = () => {
        while (sent < bytes && response.state === 'started') {
          const size = Math.min(piece, bytes - sent)
          const content = Buffer.alloc(size, sent % 251)
          sent += size
          if (!response.write(content)) return
        }
        response.end(['x-received', String(received), 'x-sum', String(sum)])
      }
      response.onDrain(send)
      send()
    },
    onError() {},
  })
}

interface Plan {
  readonly upload: number
  readonly frame: number
  readonly bytes: number
  readonly piece: number
  readonly pauses: number
  readonly cancels: number
  readonly priority: string
}

async function run(session: ClientHttp2Session, plan: Plan): Promise<void> {
  const { upload, bytes, piece, pauses, cancels, priority } = plan
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': `/${bytes}/${piece}/${pauses}`,
      priority,
      ...(upload % 2 === 0 && { 'content-length': upload }),
    },
    { endStream: false },
  )
  stream.on('error', () => {})
  const sum = send(stream, plan)
  let received = 0
  let trailers: Record<string, unknown> = {}
  stream.on('trailers', headers => {
    trailers = headers
  })
  // Anywhere in the response, or before it.
  const cancelAt = cancels === 0 ? Number.POSITIVE_INFINITY : (cancels * 1000) % (bytes + 1)
  if (cancels === 1) stream.close(constants.NGHTTP2_CANCEL)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    received += chunk.length
    if (received >= cancelAt) {
      stream.close(constants.NGHTTP2_CANCEL)
      return
    }
  }
  if (cancels === 1) return
  assert.deepEqual([received, trailers['x-received'], trailers['x-sum']], [bytes, String(upload), String(sum)])
}

function send(stream: ClientHttp2Stream, { upload, frame }: Plan): number {
  let sum = 0
  for (let sent = 0; sent < upload; sent += frame) {
    const content = Buffer.alloc(Math.min(frame, upload - sent), sent % 251)
    for (const byte of content) sum = (sum * 31 + byte) | 0
    stream.write(content)
  }
  stream.end()
  return sum
}

const size = fc.oneof(fc.nat(100), fc.nat(200_000))
const plan: fc.Arbitrary<Plan> = fc.record({
  upload: size,
  frame: fc.integer({ min: 100, max: 50_000 }),
  bytes: size,
  piece: fc.integer({ min: 100, max: 80_000 }),
  pauses: fc.nat(3),
  cancels: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 100 }) },
  ),
  priority: fc.constantFrom('u=0', 'u=3, i', 'u=7', 'i', ''),
})

test('requests, responses, windows, resets and priorities of node:http2', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { minLength: 1, maxLength: 10 }),
      fc.constantFrom(1000, 65_535, 1_000_000),
      fc.constantFrom(0, 4096),
      async (plans, initialWindowSize, headerTableSize) => {
        const session = connectClient(`http://127.0.0.1:${port}`, { settings: { initialWindowSize, headerTableSize } })
        try {
          await Promise.all(plans.map(one => run(session, one)))
        } finally {
          session.close()
          if (!session.destroyed) await once(session, 'close')
        }
        while (open.size > 0) await new Promise(resolve => setImmediate(resolve))
        assert.deepEqual([memory.used, memory.accounts, failures], [0, 0, []])
      },
    ),
    { numRuns: 40 },
  )
})
