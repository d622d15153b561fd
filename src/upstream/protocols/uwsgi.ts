/**
 * The protocol uwsgi (https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html): one packet of variables, then the content; the response is what a
 * script of CGI writes, or a response of HTTP, and ends with the connection. Runs in the gateway, for each request; pure.
 *
 *     ┌ modifier1 u8 = 0 ┬ size u16, little-endian ┬ modifier2 u8 = 0 ┐ ( size u16 · name · size u16 · value )*
 *
 * Invariant: modifiers are ours, always 0 (a request of WSGI, PSGI, Rack …): others make a server run code.
 */
import type { OutgoingHead } from '../request-head.ts'
import type { Dialect } from './dialect.ts'
import { ScriptReader } from './script-reader.ts'

/** Bytes of all variables: the size has two bytes. */
export const MAX_VARIABLES = 0xffff
const HEADER = 4

export const uwsgi: Dialect = {
  reader: sink => new ScriptReader(sink, true),
  head: uwsgiHead,
  content: (_, piece) => piece,
  tail: () => '',
}

/** What the variables take in a packet. */
export function sizeInPacket(variables: readonly string[]): number {
  let size = 0
  for (const text of variables) size += 2 + text.length
  return size
}

/** `headers` are the variables. Throws when they do not fit into a packet: who makes them refuses the request before. */
export function uwsgiHead({ headers }: OutgoingHead): Buffer {
  const size = sizeInPacket(headers)
  if (size > MAX_VARIABLES) throw new Error(`the variables have ${size} bytes: a packet of uwsgi has ${MAX_VARIABLES}`)
  const packet = Buffer.allocUnsafe(HEADER + size)
  packet[0] = packet[3] = 0
  packet.writeUInt16LE(size, 1)
  let at = HEADER
  for (const text of headers) {
    at = packet.writeUInt16LE(text.length, at)
    at += packet.write(text, at, 'latin1')
  }
  return packet
}
