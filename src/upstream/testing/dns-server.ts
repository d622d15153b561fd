/** A DNS server of a test: it answers questions for A with the addresses that the test says, and anything else with nothing. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export class DnsServer {
  readonly #socket: Socket
  /** Questions for A so far. */
  asked = 0

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * @param addresses - Called for each question; empty: there is no such name. Null: it says nothing.
   * @param ttl - Seconds.
   * @param port - 0 for any.
   */
  static async start(
    addresses: () => readonly string[] | null,
    ttl: number,
    host = '127.0.0.1',
    port = 0,
  ): Promise<DnsServer> {
    const socket = createSocket('udp4')
    const server = new DnsServer(socket)
    socket.on('message', (question, from) => {
      const end = question.indexOf(0, 12) + 5
      const isA = question.readUInt16BE(end - 4) === 1
      if (isA) server.asked++
      const all = addresses()
      if (all !== null) socket.send(answerTo(question, end, isA, all, ttl), from.port, from.address)
    })
    socket.bind(port, host)
    await once(socket, 'listening')
    return server
  }

  get port(): number {
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }
}

/** RFC1035§4.1. `end`: of the question. */
function answerTo(question: Buffer, end: number, isA: boolean, addresses: readonly string[], ttl: number): Buffer {
  const all = isA ? addresses : []
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(addresses.length === 0 ? 0x8183 : 0x8180, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(all.length, 6)
  head.fill(0, 8)
  const records = all.map(one => {
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...one.split('.').map(Number)])
    record.writeUInt32BE(ttl, 6)
    return record
  })
  return Buffer.concat([head, question.subarray(12, end), ...records])
}
