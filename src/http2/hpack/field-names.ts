/**
 * Names of fields that clients send (RFC9113§8.2.1), checked once each. Runs in the gateway. A name that came before is the same object
 * again, in all connections of the thread; the names of the static table always are.
 */
import { type FieldKind, kindOf } from '../field-kinds.ts'

export interface FieldName {
  /** As it was sent. Lower-case when `isValid`. */
  readonly name: string
  readonly kind: FieldKind
  /** It begins with a colon. It may be one that nobody knows. */
  readonly isPseudo: boolean
  /** A token without upper-case letters, behind the colon of a pseudo-header. */
  readonly isValid: boolean
  /** Its values may be kept for all connections: it is no secret's name, and short. */
  readonly isPublic: boolean
}

const SECRETS = new Set(['cookie', 'authorization', 'proxy-authorization'])

const VALID = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** Names that came before. Bounded, since clients may invent names. A full cache stays as it is: common names came first. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const knownNames = new Map<string, FieldName>()

/** `name` must hold no larger string in memory: it is kept. */
export function fieldName(name: string): FieldName {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const entry: FieldName = {
    name,
    kind: kindOf(name),
    isPseudo: name.charCodeAt(0) === 0x3a,
    isValid: VALID.test(name),
    isPublic: name.length <= MAX_KNOWN_LENGTH && !SECRETS.has(name),
  }
  if (entry.isValid && name.length <= MAX_KNOWN_LENGTH && knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, entry)
  return entry
}
