/** A DNS server of a test: it answers questions for A and SRV with what the test says, and anything else with nothing. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const [A, SRV] = [1, 33]

export type ServiceRecord = readonly [priority: number, weight: number, port: number, target: string]

export class DnsServer {
  readonly #socket: Socket
  /** Questions for A so far. */
  asked = 0

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * @param addresses - Called for each question; empty: there is no such name, unless it is a service. Null: it says nothing.
   * @param ttl - Seconds.
   * @param port - 0 for any.
   */
  static async start(
    addresses: (name: string) => readonly string[] | null,
    ttl: number,
    host = '127.0.0.1',
    port = 0,
    services: (name: string) => readonly ServiceRecord[] = () => [],
  ): Promise<DnsServer> {
    const socket = createSocket('udp4')
    const server = new DnsServer(socket)
    socket.on('message', (question, from) => {
      const end = question.indexOf(0, 12) + 5
      const type = question.readUInt16BE(end - 4)
      if (type === A) server.asked++
      const name = nameAt(question, 12)
      const [all, records] = [addresses(name), services(name)]
      if (all === null) return
      const data = type === A ? all.map(addressData) : type === SRV ? records.map(serviceData) : []
      const isKnown = all.length + records.length > 0
      socket.send(answerTo(question, end, isKnown, data, ttl), from.port, from.address)
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
function answerTo(question: Buffer, end: number, isKnown: boolean, data: readonly Buffer[], ttl: number): Buffer {
  const head = Buffer.from(question.subarray(0, 12))
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(data.length, 6)
  head.fill(0, 8)
  const records = data.map(one => {
    const record = Buffer.from([0xc0, 12, ...question.subarray(end - 4, end), 0, 0, 0, 0, 0, one.length])
    record.writeUInt32BE(ttl, 6)
    return Buffer.concat([record, one])
  })
  return Buffer.concat([head, question.subarray(12, end), ...records])
}

function addressData(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** RFC2782 */
function serviceData([priority, weight, port, target]: ServiceRecord): Buffer {
  const numbers = Buffer.alloc(6)
  numbers.writeUInt16BE(priority, 0)
  numbers.writeUInt16BE(weight, 2)
  numbers.writeUInt16BE(port, 4)
  const labels = target.split('.').filter(label => label !== '')
  return Buffer.concat([
    numbers,
    ...labels.map(label => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.of(0),
  ])
}

function nameAt(message: Buffer, from: number): string {
  const labels: string[] = []
  for (let at = from; message[at] !== 0; at += message[at]! + 1)
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!))
  return labels.join('.').toLowerCase()
}
