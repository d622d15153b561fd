/**
 * Requests of SCGI (https://python.ca/scgi/protocol.txt): a netstring of parameters, then the content. The response ends with the connection. Runs in
 * the gateway, for each request; pure.
 *
 *     length ':' ( name 00 value 00 )* ',' content
 *
 * CONTENT_LENGTH comes first and must be there, and SCGI with the value 1: the protocol wants both.
 */
import { FrontServerError } from '../../../http/errors.ts'
import type { PacketForm } from './packet-reader.ts'

const [COLON, COMMA] = [0x3a, 0x2c]
/** Digits of a length: more than the largest bound on parameters has. */
const MOST_DIGITS = 9

export const scgiRequests: PacketForm = {
  needsLength: true,
  measure(bytes) {
    const colon = bytes.indexOf(COLON)
    const digits = bytes.toString('latin1', 0, Math.min(colon < 0 ? bytes.length : colon, MOST_DIGITS + 1))
    if (!/^(?:0|[1-9]\d*)$/.test(digits) || digits.length > MOST_DIGITS)
      throw bad('What it sent is no SCGI: a request begins with a length and a colon')
    // The comma belongs to the packet.
    return colon < 0 ? null : { before: colon + 1, length: Number(digits) + 1 }
  },
  parameters(packet) {
    const last = packet.length - 1
    if (packet[last] !== COMMA) throw bad('Its parameters have another length than they say: no comma follows them')
    if (last === 0 || packet[last - 1] !== 0) throw bad('Its last parameter does not end with a NUL')
    const parameters = packet.toString('latin1', 0, last - 1).split('\0')
    if (parameters.length % 2 !== 0) throw bad('It has a name without a value, or a NUL within one')
    if (parameters[0] !== 'CONTENT_LENGTH') throw bad('Its first parameter is not CONTENT_LENGTH')
    const at = parameters.findIndex((name, i) => i % 2 === 0 && name === 'SCGI')
    if (parameters[at + 1] !== '1' || at < 0)
      throw bad('It has no parameter SCGI with the value 1, as scgi_params of nginx has it')
    return parameters
  },
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'SCGI')
}
