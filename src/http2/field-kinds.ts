/** What a field of a request means to HTTP/2 (RFC9113§8). Decided once for each name (`hpack/field-names.ts`). Runs in the gateway. */
import { FieldKind as CommonKind, fieldKind as commonKind } from '../http/request-rules.ts'

export const FieldKind = {
  ...CommonKind,
  COOKIE: 10,
  TE: 11,
  PRIORITY: 12,
  /** Of the connection, which HTTP/2 has no fields for (RFC9113§8.2.2). */
  FORBIDDEN: 13,
  // Pseudo-headers (RFC9113§8.3.1, RFC8441§4):
  METHOD: 20,
  SCHEME: 21,
  AUTHORITY: 22,
  PATH: 23,
  PROTOCOL: 24,
  /** A pseudo-header that no request has. */
  UNKNOWN: 25,
} as const
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ['cookie', FieldKind.COOKIE],
  ['te', FieldKind.TE],
  ['priority', FieldKind.PRIORITY],
  ['connection', FieldKind.FORBIDDEN],
  ['keep-alive', FieldKind.FORBIDDEN],
  ['proxy-connection', FieldKind.FORBIDDEN],
  ['transfer-encoding', FieldKind.FORBIDDEN],
  ['upgrade', FieldKind.FORBIDDEN],
  [':method', FieldKind.METHOD],
  [':scheme', FieldKind.SCHEME],
  [':authority', FieldKind.AUTHORITY],
  [':path', FieldKind.PATH],
  [':protocol', FieldKind.PROTOCOL],
])

/** `name` is lower-case. */
export function kindOf(name: string): FieldKind {
  return KINDS.get(name) ?? (name.startsWith(':') ? FieldKind.UNKNOWN : commonKind(name))
}
