/**
 * A client that sends records of TLS 1.3 of its own making, which no TLS library sends: one KeyUpdate after the other (RFC8446§4.6.3), each
 * under the key that the one before has announced. Node's client shakes hands, and tells the secret that our records are made with.
 */
import { createCipheriv, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { connect } from 'node:tls'
import type { TlsTarget } from './target.ts'

const HANDSHAKE = 22
const APPLICATION_DATA = 23
const HASH_BYTES = 32

export class RecordClient {
  /** What the server sends stays encrypted. */
  readonly socket: Socket
  #secret: Buffer
  #key!: Buffer
  #iv!: Buffer
  #sequence = 0n

  constructor(socket: Socket, secret: Buffer) {
    this.socket = socket
    this.#secret = secret
    this.#derive()
  }

  #derive(): void {
    this.#key = expand(this.#secret, 'key', 16)
    this.#iv = expand(this.#secret, 'iv', 12)
    this.#sequence = 0n
  }

  /** RFC8446§5.2 */
  #record(type: number, content: Buffer): Buffer {
    const nonce = Buffer.from(this.#iv)
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence++, 4)
    const header = Buffer.from([APPLICATION_DATA, 3, 3, 0, 0])
    header.writeUInt16BE(content.length + 1 + 16, 3)
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce).setAAD(header)
    const encrypted = cipher.update(Buffer.concat([content, Buffer.from([type])]))
    cipher.final()
    return Buffer.concat([header, encrypted, cipher.getAuthTag()])
  }

  /** `wantsAnswer`: the server is to change its key, too. */
  keyUpdate(wantsAnswer: boolean): Buffer {
    const record = this.#record(HANDSHAKE, Buffer.from([24, 0, 0, 1, wantsAnswer ? 1 : 0]))
    this.#secret = expand(this.#secret, 'traffic upd', HASH_BYTES)
    this.#derive()
    return record
  }

  data(text: string): Buffer {
    return this.#record(APPLICATION_DATA, Buffer.from(text))
  }
}

/** RFC8446§7.1, with SHA-256: HKDF-Expand-Label of one block. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = `tls13 ${label}`
  const info = Buffer.from([0, length, name.length, ...Buffer.from(name), 0])
  return createHmac('sha256', secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length)
}

/** After a handshake. Nothing was sent under the keys of the client yet. */
export async function connectRecords({ to, tls }: TlsTarget): Promise<RecordClient> {
  const socket = connectPlain({ port: Number(to), host: '127.0.0.1' })
  const client = connect({ socket, ...tls, minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' })
  let secret = ''
  client.on('keylog', line => {
    const [label, , value] = line.toString().trim().split(' ')
    if (label === 'CLIENT_TRAFFIC_SECRET_0') secret = value!
  })
  client.on('error', () => {})
  await once(client, 'secureConnect')
  // The end of the handshake leaves behind this event.
  await setImmediate()
  return new RecordClient(socket, Buffer.from(secret, 'hex'))
}
