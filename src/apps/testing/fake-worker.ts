/** A WSGI worker for the tests of `apps/`: listens on a real Unix socket and does what the test's script says. */
import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { FRAME_HEADER, FrameType, REQUEST_BODY_FOLLOWS, REQUEST_HANDSHAKE, RESPONSE_END } from '../wire/frames.ts'

export interface FakeWorkerRequest {
  readonly environ: ReadonlyMap<string, string>
  /** The whole content, whether it came inline or in frames. */
  readonly body: Buffer
  readonly link: FakeLink
  /** Its application may take the link. */
  readonly isHandshake: boolean
}

export type Script = (request: FakeWorkerRequest) => void

export function frame(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER)
  header.writeUInt32LE(payload.length, 0)
  header[4] = type
  return Buffer.concat([header, payload])
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function responseFrame(
  status: number,
  headers: readonly string[],
  body: Buffer | string,
  complete = true,
  reason = 'OK',
): Buffer {
  const head = Buffer.from([reason, ...headers].join('\0'), 'latin1')
  const fixed = Buffer.alloc(11)
  fixed.writeUInt16LE(status, 0)
  fixed[2] = complete ? RESPONSE_END : 0
  fixed.writeUInt32LE(50, 3)
  fixed.writeUInt32LE(head.length, 7)
  return frame(FrameType.RESPONSE, Buffer.concat([fixed, head, Buffer.from(body)]))
}

export function fileFrame(fd: number, offset: number, length: number, device: bigint, inode: bigint): Buffer {
  const payload = Buffer.alloc(36)
  payload.writeUInt32LE(fd, 0)
  payload.writeBigUInt64LE(BigInt(offset), 4)
  payload.writeBigUInt64LE(BigInt(length), 12)
  payload.writeBigUInt64LE(device, 20)
  payload.writeBigUInt64LE(inode, 28)
  return frame(FrameType.FILE, payload)
}

/** The environ of a REQUEST. `payload`: without the flags. */
export function readEnviron(payload: Buffer): Map<string, string> {
  const names = payload.toString('latin1', 8, 8 + payload.readUInt32LE(4)).split('\0')
  const parts = payload.toString('latin1', 8 + payload.readUInt32LE(4), 8 + payload.readUInt32LE(0)).split('\0')
  const last = parts.splice(names.length - 1).join('\0')
  const environ = new Map([...parts, last].map((value, index) => [names[index]!, value]))
  if (environ.size !== names.length) throw new Error(`names twice among ${names}`)
  return environ
}

/** One accepted link. */
export class FakeLink {
  readonly socket: Socket
  readonly events = new EventEmitter()
  #received = Buffer.alloc(0)
  #body: { environ: Map<string, string>; pieces: Buffer[] } | null = null
  readonly #script: Script
  fileAnswers: number[] = []
  /** What came since the link was taken; null: it is not. */
  raw: Buffer | null = null

  constructor(socket: Socket, script: Script) {
    this.socket = socket
    this.#script = script
    socket.on('error', () => {})
    socket.on('data', chunk => this.#read(chunk as Buffer))
  }

  respond(status: number, headers: readonly string[], body: Buffer | string): void {
    this.socket.write(responseFrame(status, headers, body))
  }

  /** The application takes the link, and writes. */
  take(bytes: string | Buffer, flags = 0): void {
    this.raw = Buffer.alloc(0)
    this.socket.write(Buffer.concat([frame(FrameType.TAKEN, Buffer.of(flags)), Buffer.from(bytes)]))
  }

  /** Starts a stream. */
  begin(status = 200): void {
    this.socket.write(responseFrame(status, [], '', false))
  }

  chunk(data: Buffer | string): boolean {
    return this.socket.write(frame(FrameType.CHUNK, Buffer.from(data)))
  }

  finish(): void {
    this.socket.write(frame(FrameType.END, u32(50)))
  }

  #read(chunk: Buffer): void {
    if (this.raw !== null) {
      this.raw = Buffer.concat([this.raw, chunk])
      this.events.emit('raw')
      return
    }
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= FRAME_HEADER) {
      const end = FRAME_HEADER + this.#received.readUInt32LE(0)
      if (this.#received.length < end) return
      const type = this.#received[4]!
      const payload = Buffer.from(this.#received.subarray(FRAME_HEADER, end))
      this.#received = this.#received.subarray(end)
      this.#frame(type, payload)
    }
  }

  #frame(type: number, payload: Buffer): void {
    if (type === FrameType.REQUEST) {
      const headEnd = 9 + payload.readUInt32LE(1)
      const environ = readEnviron(payload.subarray(1))
      if (payload[0] === REQUEST_BODY_FOLLOWS) {
        this.#body = { environ, pieces: [] }
        this.events.emit('body-follows')
      } else {
        const isHandshake = payload[0] === REQUEST_HANDSHAKE
        this.#script({ environ, body: payload.subarray(headEnd), link: this, isHandshake })
      }
    } else if (type === FrameType.BODY) {
      this.#body!.pieces.push(payload)
    } else if (type === FrameType.BODY_END) {
      const { environ, pieces } = this.#body!
      this.#script({ environ, body: Buffer.concat(pieces), link: this, isHandshake: false })
    } else if (type === FrameType.FILE_OPENED) {
      this.fileAnswers.push(payload[0]!)
      this.events.emit('file-opened', payload[0])
    }
  }
}

export class FakeWorker {
  readonly path: string
  readonly build: string
  /** The number of slots in its hello. */
  slots: number
  /** The links after this many are accepted without a hello, until `greet`. */
  greeted = Number.POSITIVE_INFINITY
  readonly id: number
  readonly links: FakeLink[] = []
  readonly events = new EventEmitter()
  script: Script
  readonly #server: Server

  constructor(path: string, id: number, script: Script, build = 'b1', slots = 1) {
    this.path = path
    this.id = id
    this.script = script
    this.build = build
    this.slots = slots
    this.#server = createServer(socket => {
      const link = new FakeLink(socket, request => this.script(request))
      if (this.links.push(link) <= this.greeted) this.greet(link)
      this.events.emit('link', link)
    })
  }

  greet(link: FakeLink): void {
    const hello = { build: this.build, worker: this.id, slots: this.slots }
    link.socket.write(frame(FrameType.HELLO, Buffer.from(JSON.stringify(hello))))
  }

  async listen(): Promise<this> {
    this.#server.listen(this.path)
    await once(this.#server, 'listening')
    return this
  }

  /** Dies: accepts no more, and all links are cut. */
  die(): void {
    this.#server.close()
    for (const link of this.links) link.socket.destroy()
  }
}
