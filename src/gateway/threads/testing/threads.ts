/** An `Acceptor` on a real socket, with real threads behind it. */
import { once } from 'node:events'
import { type AddressInfo, BoundSocket, connect, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { testConfig } from '../../../config/testing/config.ts'
import type { Limits } from '../../../config/types.ts'
import { TOO_MANY_CONNECTIONS } from '../../../http1/protocol.ts'
import { Admission } from '../../connections/admission.ts'
import { Acceptor } from '../acceptor.ts'
import { descriptorCalls } from '../descriptor-calls.ts'
import type { ConnectionMessage, GiveMessage, GivenMessage } from '../hand-over-messages.ts'
import type { AnsweringStart } from './answering-thread.ts'

export interface Setup {
  readonly acceptor: Acceptor
  readonly server: Server
  readonly target: NetConnectOpts
  /** Of refused connections: 'full', or an address. */
  readonly refused: string[]
  readonly errors: string[]
  /** What the acceptor has posted to threads. */
  readonly posted: (ConnectionMessage | GiveMessage)[]
  /** Of clients. They are destroyed after the test: one whose thread was terminated may never hear of it, and would keep the test alive. */
  readonly sockets: Socket[]
  /** Makes a thread. It begins to get connections when it is up. */
  start(index: number): Promise<Worker>
}

export interface SetupOptions {
  readonly limits?: Partial<Limits>
  readonly unixPath?: string
  readonly dup?: (fd: number) => number
  readonly isExempt?: (address: string) => boolean
  /** How often loads are compared. Otherwise they are not. */
  readonly balanceMs?: number
}

const NEVER_MS = 1_000_000_000

export async function setUp(t: TestContext, options: SetupOptions = {}): Promise<Setup> {
  const { limits: changes = {}, unixPath = null, isExempt = () => false, balanceMs = NEVER_MS } = options
  const { limits, timeouts } = testConfig({ limits: changes })
  const refused: string[] = []
  const errors: string[] = []
  const posted: (ConnectionMessage | GiveMessage)[] = []
  const calls = await descriptorCalls()
  const admission = new Admission({
    limits,
    isExempt,
    tooManyConnections: TOO_MANY_CONNECTIONS,
    onFull: () => refused.push('full'),
    onAddressFull: address => refused.push(address),
  })
  const dup = options.dup ?? calls.dup
  const acceptor = new Acceptor({ admission, limit: limits.connections, calls: { dup } }, balanceMs)
  const bound = new BoundSocket(unixPath === null ? { host: '127.0.0.1', port: 0 } : ({ path: unixPath } as never))
  const listener = {
    fd: bound.fd(),
    unixPath,
    port: 0,
    display: 'here',
    isShared: false,
    scheme: 'http' as const,
    hasProxyHeader: false,
  }
  const listening = Promise.withResolvers<void>()
  const server = acceptor.listen(listener, 0, listening.resolve, error => errors.push(error.message))
  await listening.promise
  const workers: Worker[] = []
  const sockets: Socket[] = []
  t.after(async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await Promise.all(workers.map(worker => worker.terminate()))
  })
  const target = unixPath === null ? { port: (server.address() as AddressInfo).port } : { path: unixPath }
  return { acceptor, server, target, refused, errors, posted, sockets, start }

  async function start(index: number): Promise<Worker> {
    let worker: Worker | null = null
    const cells = acceptor.add(index, {
      post: message => {
        posted.push(message)
        worker!.postMessage(message)
      },
    })
    const start: AnsweringStart = { index, limits, timeouts, unixPaths: [unixPath], cells }
    const made = new Worker(join(import.meta.dirname, 'answering-thread.ts'), { workerData: start })
    worker = made
    workers.push(made)
    made.on('error', () => {})
    const up = Promise.withResolvers<void>()
    made.on('message', (message: GivenMessage | string) => {
      if (message === 'up') up.resolve()
      else if (typeof message !== 'string') acceptor.given(index, message)
    })
    await up.promise
    acceptor.up(index)
    return made
  }
}

export interface Client {
  readonly socket: Socket
  /** Everything that has come. */
  text: string
  /** The code of its error; empty: none. */
  error: string
  /** The answer has ended, or the connection has. */
  readonly ended: Promise<void>
  readonly closed: Promise<void>
  /** Sends a request and resolves with the content of its answer. */
  get(path: string): Promise<string>
}

export async function open({ target, sockets }: Pick<Setup, 'target' | 'sockets'>): Promise<Client> {
  const socket = connect({ ...target, allowHalfOpen: true } as NetConnectOpts)
  sockets.push(socket)
  const ended = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const client: Client = { socket, text: '', error: '', ended: ended.promise, closed: closed.promise, get }
  socket.on('data', data => {
    client.text += data
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    client.error = error.code!
  })
  socket.on('end', ended.resolve)
  socket.on('close', () => {
    ended.resolve()
    closed.resolve()
  })
  await once(socket, 'connect')
  return client

  async function get(path: string): Promise<string> {
    client.text = ''
    socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`)
    for (;;) {
      const content = /\r\nContent-Length: (\d+)\r\n(?:.*\r\n)*?\r\n(.*)$/s.exec(client.text)
      if (content !== null && content[2]!.length >= Number(content[1])) return content[2]!
      if (socket.destroyed || socket.readableEnded) throw new Error(`no answer: ${client.error || client.text}`)
      await Promise.race([once(socket, 'data'), ended.promise])
    }
  }
}
