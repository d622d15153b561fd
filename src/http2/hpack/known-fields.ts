/**
 * Literal fields that came before, on any connection of the thread: most clients send the same few values (User-Agent, paths, what they
 * accept). To find one costs less than half of decoding it, and connections share its strings. Runs in the gateway, for each literal of a
 * request.
 *
 * A field is kept when its bytes come for the second time, so that values which never come again push nothing out. Bounded: PLACES fields
 * of at most MAX_BYTES bytes in code. Secrets are not kept: they belong to one client, and nobody shall be able to ask whether we know them.
 */
import { Field } from './field.ts'
import type { FieldName } from './field-names.ts'
import type { StringReader } from './strings.ts'

interface Known {
  readonly field: Field
  /** The value's literal, with its length. */
  readonly bytes: Uint8Array
}

/** A power of two. */
const PLACES = 512
const MAX_BYTES = 128

/** By the hash of the literal. */
const known = new Array<Known | null>(PLACES).fill(null)
/** The last hash of each place. */
const hashes = new Int32Array(PLACES)

/** Reads a value, which makes a field of `name`. */
export function readField(reader: StringReader, name: FieldName): Field {
  const { bytes, at } = reader
  const end = reader.endOfString()
  if (end - at > MAX_BYTES || !name.isPublic) return decodeField(reader, name)
  let hash = name.name.length
  for (let i = at; i < end; i++) hash = Math.imul(hash, 0x01000193) ^ bytes[i]!
  const place = (hash ^ (hash >>> 15)) & (PLACES - 1)
  const kept = known[place]!
  if (kept !== null && kept.field.name === name && isSame(kept.bytes, bytes, at, end)) {
    reader.at = end
    return kept.field
  }
  const field = decodeField(reader, name)
  if (hashes[place] === hash) known[place] = { field, bytes: new Uint8Array(bytes.subarray(at, end)) }
  else hashes[place] = hash
  return field
}

/** The same, of a value that is kept nowhere. */
export function decodeField(reader: StringReader, name: FieldName): Field {
  const value = reader.string()
  return new Field(name, value, reader.hasForbidden)
}

function isSame(kept: Uint8Array, bytes: Buffer, at: number, end: number): boolean {
  const { length } = kept
  if (length !== end - at) return false
  for (let i = 0; i < length; i++) if (kept[i] !== bytes[at + i]) return false
  return true
}
