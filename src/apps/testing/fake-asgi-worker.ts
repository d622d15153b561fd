/** An ASGI worker for the tests of `apps/`: listens on a real Unix socket and does what the test's script says. */
import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { REQUEST_BODY_FOLLOWS, RESPONSE_END } from '../wire/frames.ts'
import {
  MESSAGE_BINARY,
  MESSAGE_MORE,
  MESSAGE_TEXT,
  MULTIPLEX_HEADER,
  RESPONSE_TRAILERS,
  MultiplexType as Type,
} from '../wire/multiplex.ts'
import { readScope, type Scope } from './read-scope.ts'

export type AsgiScript = (exchange: FakeAsgiExchange) => void

export function multiplexFrame(type: number, exchange: number, payload: Buffer | string = ''): Buffer {
  const data = Buffer.from(payload as string)
  const header = Buffer.alloc(MULTIPLEX_HEADER)
  header.writeUInt32LE(data.length, 0)
  header[4] = type
  header.writeUInt32LE(exchange, 5)
  return Buffer.concat([header, data])
}

function number(value: number, bytes = 4): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}

/** One exchange as the worker sees it. Emits `body`, `body-end`, `message`, `disconnect`, `cancel`, `credit`, `file-opened`. */
export class FakeAsgiExchange {
  readonly id: number
  readonly worker: FakeAsgiWorker
  readonly scope: Scope
  readonly events = new EventEmitter()
  readonly #socket: Socket
  body = Buffer.alloc(0)
  hasAllBody: boolean
  readonly messages: (string | Buffer)[] = []
  credited = 0
  disconnected: [number, string] | null = null
  isCancelled = false

  constructor(worker: FakeAsgiWorker, socket: Socket, id: number, payload: Buffer) {
    this.worker = worker
    this.#socket = socket
    this.id = id
    const head = 9 + payload.readUInt32LE(1)
    this.scope = readScope(payload.subarray(1))
    this.hasAllBody = payload[0] !== REQUEST_BODY_FOLLOWS
    this.body = Buffer.from(payload.subarray(head))
  }

  get path(): string {
    return this.scope.path
  }

  write(type: number, payload: Buffer | string = ''): boolean {
    return this.#socket.write(multiplexFrame(type, this.id, payload))
  }

  respond(status: number, headers: readonly string[] = [], body: Buffer | string = '', flags = RESPONSE_END): void {
    const head = Buffer.from(['', ...headers].join('\0'), 'latin1')
    this.write(
      Type.RESPONSE,
      Buffer.concat([
        number(status, 2),
        Buffer.of(flags),
        number(50),
        number(head.length),
        head,
        Buffer.from(body as string),
      ]),
    )
  }

  begin(headers: readonly string[] = [], hasTrailers = false): void {
    this.respond(200, headers, '', hasTrailers ? RESPONSE_TRAILERS : 0)
  }

  chunk(data: Buffer | string): void {
    this.write(Type.CHUNK, data)
  }

  end(trailers: readonly string[] = []): void {
    this.write(Type.END, Buffer.concat([number(50), Buffer.from(trailers.join('\0'))]))
  }

  fail(reason: string): void {
    this.write(Type.FAILED, Buffer.concat([number(5), Buffer.from(reason)]))
  }

  accept(subprotocol = '', headers: readonly string[] = []): void {
    this.write(Type.ACCEPT, [subprotocol, ...headers].join('\0'))
  }

  message(data: Buffer | string, more = false): void {
    const flags = (typeof data === 'string' ? MESSAGE_TEXT : MESSAGE_BINARY) + (more ? MESSAGE_MORE : 0)
    this.write(Type.MESSAGE, Buffer.concat([Buffer.of(flags), Buffer.from(data as string)]))
  }

  closeSocket(code: number, reason = ''): void {
    this.write(Type.CLOSE, Buffer.concat([number(code, 2), Buffer.from(reason)]))
  }

  credit(bytes: number): void {
    this.write(Type.CREDIT, number(bytes))
  }

  file(fd: number, offset: number, length: number, device: bigint, inode: bigint): void {
    const payload = Buffer.alloc(36)
    payload.writeUInt32LE(fd, 0)
    payload.writeBigUInt64LE(BigInt(offset), 4)
    payload.writeBigUInt64LE(BigInt(length), 12)
    payload.writeBigUInt64LE(device, 20)
    payload.writeBigUInt64LE(inode, 28)
    this.write(Type.FILE, payload)
  }

  receive(type: number, payload: Buffer): void {
    switch (type) {
      case Type.BODY:
        this.body = Buffer.concat([this.body, payload])
        this.events.emit('body')
        break
      case Type.BODY_END:
        this.hasAllBody = true
        this.events.emit('body-end')
        break
      case Type.MESSAGE:
        this.#message(payload)
        break
      case Type.DISCONNECT:
        this.disconnected = [payload.readUInt16LE(0), payload.toString('utf8', 2)]
        this.events.emit('disconnect')
        break
      case Type.CANCEL:
        this.isCancelled = true
        this.events.emit('cancel')
        break
      case Type.CREDIT:
        this.credited += payload.readUInt32LE(0)
        this.events.emit('credit')
        break
      case Type.FILE_OPENED:
        this.events.emit('file-opened', payload[0])
        break
      default:
        throw new Error(`frame type ${type} from the gateway`)
    }
  }

  #partial = Buffer.alloc(0)

  #message(payload: Buffer): void {
    this.#partial = Buffer.concat([this.#partial, payload.subarray(1)])
    if ((payload[0]! & MESSAGE_MORE) !== 0) {
      this.events.emit('part')
      return
    }
    this.messages.push((payload[0]! & MESSAGE_TEXT) !== 0 ? this.#partial.toString() : this.#partial)
    this.#partial = Buffer.alloc(0)
    this.events.emit('message')
  }
}

/** A connection that an application of WSGI in a greenlet has asked for. */
export interface AttachedSocket {
  readonly socket: Socket
  readonly token: number
  /** What came on it. */
  bytes: string
}

export class FakeAsgiWorker {
  readonly path: string
  readonly id: number
  readonly exchanges = new Map<number, FakeAsgiExchange>()
  readonly events = new EventEmitter()
  script: AsgiScript
  /** False: a blocked event loop. */
  answersPings = true
  pings = 0
  /** How often the socket had something to read. */
  reads = 0
  socket: Socket | null = null
  /** Connections of their own, in order. */
  readonly attached: AttachedSocket[] = []
  readonly #server: Server
  #received = Buffer.alloc(0)

  constructor(path: string, id: number, script: AsgiScript, build = 'b1', slots = 1) {
    this.path = path
    this.id = id
    this.script = script
    this.#server = createServer(socket => {
      this.socket ??= socket
      socket.on('error', () => {})
      socket.on('data', chunk => this.#read(socket, chunk as Buffer))
      socket.on('close', () => this.events.emit('close'))
      socket.write(multiplexFrame(Type.HELLO, 0, JSON.stringify({ build, worker: id, slots })))
    })
  }

  async listen(): Promise<this> {
    this.#server.listen(this.path)
    await once(this.#server, 'listening')
    return this
  }

  /** Dies: accepts no more, and its link is cut. */
  die(): void {
    this.#server.close()
    this.socket?.destroy()
  }

  #read(socket: Socket, chunk: Buffer): void {
    this.reads++
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= MULTIPLEX_HEADER) {
      const end = MULTIPLEX_HEADER + this.#received.readUInt32LE(0)
      if (this.#received.length < end) return
      const type = this.#received[4]!
      const id = this.#received.readUInt32LE(5)
      const payload = Buffer.from(this.#received.subarray(MULTIPLEX_HEADER, end))
      this.#received = this.#received.subarray(end)
      this.#frame(socket, type, id, payload)
    }
  }

  #frame(socket: Socket, type: number, id: number, payload: Buffer): void {
    if (type === Type.HELLO) return
    if (type === Type.ATTACH) {
      const one = { socket, token: payload.readUInt32LE(0), bytes: '' }
      socket.removeAllListeners('data').on('data', chunk => {
        one.bytes += chunk.toString('latin1')
        this.events.emit('bytes')
      })
      this.attached.push(one)
      this.events.emit('attached')
    } else if (type === Type.PING) {
      this.pings++
      if (this.answersPings) socket.write(multiplexFrame(Type.PONG, 0, payload))
    } else if (type === Type.REQUEST) {
      const exchange = new FakeAsgiExchange(this, socket, id, payload)
      this.exchanges.set(id, exchange)
      this.script(exchange)
    } else {
      this.exchanges.get(id)!.receive(type, payload)
    }
  }
}
