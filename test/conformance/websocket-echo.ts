/**
 * An echo server on the engine as the gateway has it, with its transport and HTTP/1.1, without application and master: what the
 * Autobahn test suite talks to. Prints its port, ends with its standard input. Alone: `sh scripts/node test/conformance/websocket-echo.ts`.
 */
import { BoundSocket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { MemoryBudget } from '../../src/base/memory-budget.ts'
import { testConfig } from '../../src/config/testing/config.ts'
import { Connections } from '../../src/gateway/connections/connections.ts'
import { renderError, respondWithError } from '../../src/gateway/errors/error-response.ts'
import type { SocketTransport } from '../../src/gateway/transports/plain.ts'
import { listen } from '../../src/gateway/transports/plain.ts'
import type { Exchange } from '../../src/http/exchange.ts'
import type { WebSocketChannel } from '../../src/http/websocket.ts'
import { createHttp1 } from '../../src/http1/protocol.ts'
import { FileBuffers } from '../../src/protocols/file-buffers.ts'
import { createWebSocketEngine } from '../../src/websocket/engine.ts'

/** The defaults; what the suite sends is as slow as it likes. */
const { limits, timeouts } = testConfig({
  limits: { connectionsPerAddress: 0, bodyRate: 0, sendRate: 0 },
})

function echo(exchange: Exchange): void {
  if (!exchange.isWebSocket) {
    exchange.response.start({ status: 426, reason: '', headers: ['Upgrade', 'websocket', 'Content-Length', '0'] })
    exchange.response.end()
    return
  }
  try {
    const pieces: Buffer[] = []
    const channel: WebSocketChannel = exchange.acceptWebSocket(
      { subprotocol: '', headers: [] },
      {
        onMessage(piece, isText, more) {
          pieces.push(piece)
          if (!more && !channel.send(Buffer.concat(pieces.splice(0)), isText)) channel.pause()
        },
        onDrain: () => channel.resume(),
        onClose() {},
      },
    )
  } catch (error) {
    respondWithError(exchange, error as Error)
  }
}

export interface EchoServer {
  readonly port: number
  readonly connections: Connections
  close(): Promise<void>
}

export async function startEchoServer(): Promise<EchoServer> {
  const bound = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const http1 = createHttp1({
    limits,
    timeouts,
    onExchange: echo,
    renderError,
    webSockets: createWebSocketEngine({ limits, timeouts }, new MemoryBudget()),
    memory: new MemoryBudget(),
    fileBuffers: new FileBuffers(new MemoryBudget()),
    onProtocolError() {},
    onAnswered() {},
  })
  const connections = new Connections({ http: http1, https: null })
  const listening = Promise.withResolvers<void>()
  const accept = (transport: SocketTransport) =>
    void connections.open({ scheme: 'http', hasProxyHeader: false }, transport, () => {})
  const server = listen(bound.fd(), null, new MemoryBudget(), accept, listening.resolve, listening.reject)
  await listening.promise
  return {
    port: (server.address() as { port: number }).port,
    connections,
    async close() {
      server.close()
      await connections.drain(0)
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await startEchoServer()
  console.log(server.port)
  process.stdin.on('end', () => process.exit(0)).resume()
}
