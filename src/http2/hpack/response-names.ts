/**
 * Names of fields that we send: how a block names them, and whether their values may enter the table. Runs in the gateway. What is made
 * of a name is kept, for all connections of the thread.
 */
import { encodeHuffman, huffmanLength } from './huffman.ts'
import { MAX_INTEGER_BYTES, writeInteger } from './integers.ts'
import { staticIndexOf } from './static-table.ts'

export interface ResponseName {
  readonly name: string
  /** Unlike that of other known names. */
  readonly id: number
  /** Index in the static table, or 0. */
  readonly staticIndex: number
  /** The name as a string literal, behind its length. */
  readonly literal: Buffer
  /**
   * Its values are never indexed, here and by whoever passes the response on (RFC7541§7.1.3). Who can put a field of his own into
   * responses of somebody else's connection could otherwise guess the value: a right guess is shorter.
   */
  readonly isSensitive: boolean
  /** The cache has it, so it is always this object. */
  readonly isKnown: boolean
  /** The name that followed it the last time, in whatever response: a guess costs a third of a look-up. */
  next: ResponseName | null
}

/** Before the first field of a response. */
export const NO_NAME: ResponseName = {
  name: '',
  id: 0,
  staticIndex: 0,
  literal: Buffer.alloc(0),
  isSensitive: false,
  isKnown: false,
  next: null,
}

/** Names of secrets, known ones and those that sound so. An innocent one among them costs some bytes only. */
const SENSITIVE = /authori[sz]ation|cookie|csrf|xsrf|password|secret|session|token|api-?key/

/** Bounded: applications may invent names. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const knownNames = new Map<string, ResponseName>()

/** The name, lower-case, which follows `previous` in a response. */
export function nameBehind(previous: ResponseName, name: string): ResponseName {
  const guess = previous.next
  return guess?.name === name ? guess : lookUpBehind(previous, name)
}

function lookUpBehind(previous: ResponseName, name: string): ResponseName {
  const known = knownNames.get(name)
  if (known !== undefined) {
    previous.next = known
    return known
  }
  const isKnown = name.length <= MAX_KNOWN_LENGTH && knownNames.size < MAX_KNOWN_NAMES
  // A copy: a slice would keep all in memory that it is cut from.
  const own = isKnown ? Buffer.from(name, 'latin1').toString('latin1') : name
  const made: ResponseName = {
    name: own,
    id: knownNames.size + 1,
    staticIndex: staticIndexOf(own),
    literal: literalOf(own),
    isSensitive: SENSITIVE.test(own),
    isKnown,
    next: null,
  }
  if (isKnown) knownNames.set(own, made)
  return made
}

function literalOf(name: string): Buffer {
  const length = huffmanLength(name)
  const isShorter = length < name.length
  const literal = Buffer.alloc(MAX_INTEGER_BYTES + name.length)
  const at = writeInteger(isShorter ? length : name.length, 0x7f, isShorter ? 0x80 : 0, literal, 0)
  const end = isShorter ? encodeHuffman(name, literal, at) : at + literal.write(name, at, 'latin1')
  return Buffer.from(literal.subarray(0, end))
}
