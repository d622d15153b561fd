/** A thread that serves what it is handed, without applications. The path says what it does. Runs in a thread of `worker_threads`. */
import { parentPort, workerData } from 'node:worker_threads'
import { MemoryBudget } from '../../../base/memory-budget.ts'
import type { Limits, Timeouts } from '../../../config/types.ts'
import type { Exchange } from '../../../http/exchange.ts'
import { createHttp1 } from '../../../http1/protocol.ts'
import { FileBuffers } from '../../../protocols/file-buffers.ts'
import { createWebSocketEngine } from '../../../websocket/engine.ts'
import { Connections } from '../../connections/connections.ts'
import { descriptorCalls } from '../descriptor-calls.ts'
import type { ConnectionMessage, GiveMessage } from '../hand-over-messages.ts'
import { Receiver } from '../receiver.ts'

export interface AnsweringStart {
  readonly index: number
  readonly limits: Limits
  readonly timeouts: Timeouts
  readonly unixPaths: readonly (string | null)[]
  readonly cells: SharedArrayBuffer
}

const main = parentPort!
const { index, limits, timeouts, unixPaths, cells } = workerData as AnsweringStart
const calls = await descriptorCalls()

function answer(exchange: Exchange): void {
  const { response, peer, local, request } = exchange
  switch (request.path) {
    case '/begin':
      response.start({ status: 200, reason: '', headers: [] })
      response.write(Buffer.from('the first half'))
      break
    case '/whole':
      response.start({ status: 200, reason: '', headers: [] })
      response.write(Buffer.alloc(4_000_000, 'x'))
      response.end()
      break
    case '/throw':
      throw new Error('this is what the test wants')
    case '/later':
      main.postMessage('later')
      main.once('message', () => text('later'))
      break
    case '/work': {
      // Some milliseconds of a core.
      let sum = 0
      for (let i = 0; i < 500_000; i++) sum += Math.sqrt(i)
      if (sum < 0) break
      text(String(index))
      break
    }
    default:
      text(JSON.stringify({ thread: index, peer, local }))
  }

  function text(content: string): void {
    const body = Buffer.from(content)
    response.respond({ status: 200, reason: '', headers: ['Content-Length', String(body.length)] }, body)
  }
}

const memory = new MemoryBudget()
const connections = new Connections({
  http: createHttp1({
    limits,
    timeouts,
    onExchange: answer,
    renderError: status => ({ isOwnPage: false, contentType: 'text/plain', body: Buffer.from(String(status)) }),
    webSockets: createWebSocketEngine({ limits, timeouts }, memory),
    memory,
    fileBuffers: new FileBuffers(new MemoryBudget()),
    onProtocolError() {},
    onAnswered() {},
  }),
  https: null,
})
const receiver = new Receiver({
  connections,
  memory,
  listeners: unixPaths.map(unixPath => ({ unixPath, scheme: 'http', hasProxyHeader: false })),
  cells,
  limit: limits.connections,
  calls,
  post: message => main.postMessage(message),
})
main.on('message', (message: ConnectionMessage | GiveMessage | 'answer') => {
  if (message === 'answer') return
  if (message.type === 'connection') receiver.take(message)
  else receiver.give(message)
})
main.postMessage('up')
