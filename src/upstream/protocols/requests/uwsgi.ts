/**
 * Requests of the protocol uwsgi (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html): one packet of parameters, then the content. The response
 * is one of HTTP, and ends with the connection. Runs in the gateway, for each request; pure.
 *
 *     ┌ modifier1 u8 ┬ size u16, little-endian ┬ modifier2 u8 ┐ ( size u16 · name · size u16 · value )*
 *
 * Both modifiers must be 0, a request of WSGI: the others make a server of uWSGI run code, read its cache or reload.
 */
import { FrontServerError } from '../../../http/errors.ts'
import type { PacketForm } from './packet-reader.ts'

const HEADER = 4
/** The first bytes of methods of HTTP: `GET`, `POST`, `HEAD`, … */
const LETTERS = /^[A-Z]/

export const uwsgiRequests: PacketForm = {
  needsLength: false,
  measure(bytes) {
    if (LETTERS.test(bytes.toString('latin1', 0, 1))) throw bad('What it sent is no uwsgi, and looks like HTTP')
    if (bytes[0] !== 0) throw bad(`Modifier ${bytes[0]} is not spoken here, only 0`)
    if (bytes.length < HEADER) return null
    if (bytes[3] !== 0) throw bad(`Modifier ${bytes[0]},${bytes[3]} is not spoken here, only 0,0`)
    return { before: HEADER, length: bytes.readUInt16LE(1) }
  },
  parameters(packet) {
    const parameters: string[] = []
    const text = packet.toString('latin1')
    let at = 0
    while (at < packet.length) {
      const length = at + 2 <= packet.length ? packet.readUInt16LE(at) : packet.length
      const end = at + 2 + length
      if (end > packet.length) throw bad('A parameter is longer than its packet')
      parameters.push(text.slice(at + 2, end))
      at = end
    }
    if (parameters.length % 2 !== 0) throw bad('It has a name without a value')
    return parameters
  },
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'uwsgi')
}
