/**
 * What the running master and the new one that replaces it say to each other during an upgrade. The two may be of different versions: a
 * field or a message may be added, and a reader ignores what it does not know. Each field has a check where it is read.
 *
 *     old ─ JUMAK_UPGRADE (`HandOver` as JSON), sockets and a socket pair in stdio ─▶ new
 *     old ─▶ tickets          secrets of TLS session tickets: clients of the old one resume with the new one
 *     old ─▶ upstream         what `jumak upstream` has changed of a group, at the start and at each change
 *     old ◀─ begun            the settings are right; how long the rest may take
 *     old ◀─ failed           why it ends; it ends next
 *     old ◀─ serves           clients are accepted; the listeners that it has taken
 *     old ─▶ yours            pid file, admin socket and service manager are the new one's from now on; the old one drains
 *     old ◀─ settled          it has them, so the old one may end
 *     old ◀▶ reopen-logs      USR1 came to the other one
 *
 * The end of the socket pair is the other's death. JSON lines (`channel.ts`).
 */
import { writeSync } from 'node:fs'
import {
  anObject,
  type Checks,
  flag,
  listOf,
  numberFrom,
  object,
  orNull,
  type Problem,
  text,
  textLike,
  wholeNumber,
} from '../base/checks.ts'
import { singleServer } from '../sites/single-server.ts'
import type { UpstreamServer } from '../sites/upstream-model.ts'
import type { Shapes } from './shapes.ts'
import { SERVER } from './sites-shape.ts'
import { ticketSecrets } from './tls-messages.ts'

/** Another format is refused by the new one, and nothing changes. */
export const UPGRADE_FORMAT = 2

/** A listening socket: see `master/host/listener.ts`. */
export interface HandedOnListener {
  readonly fd: number
  readonly key: string
  readonly display: string
  readonly unixPath: string | null
  readonly port: number
  readonly placed: { readonly dev: number; readonly ino: number } | null
  readonly isShared: boolean
}

export interface HandOver {
  readonly format: number
  /** The old master's process id. */
  readonly pid: number
  /** Descriptor of the socket pair. */
  readonly channel: number
  readonly listeners: readonly HandedOnListener[]
  /** Path of the old one's admin socket; null: it has none. */
  readonly adminSocket: string | null
  /** Names of the applications that serve. A new program in which one of them cannot serve is given up. */
  readonly apps: readonly string[]
}

export type FromSuccessor =
  /** `limitMs`: after so long, from now on, it has failed. 0: there is no limit. */
  | { readonly type: 'begun'; readonly version: string; readonly limitMs: number }
  | { readonly type: 'failed'; readonly why: string }
  /** `taken`: places in the list of `HandOver`. */
  | { readonly type: 'serves'; readonly taken: readonly number[] }
  | { readonly type: 'settled' }
  | { readonly type: 'reopen-logs' }

export type ToSuccessor =
  /**
   * As in `GatewayTls`. Sent at the start, where there is TLS. Never in the environment, which other processes can read. `age`: of the newest
   * one, in milliseconds.
   */
  | { readonly type: 'tickets'; readonly secrets: readonly string[]; readonly age: number }
  | ({ readonly type: 'upstream' } & HandedOnChanges)
  | { readonly type: 'yours' }
  | { readonly type: 'reopen-logs' }

/** What `jumak upstream` has changed of a group, in the place of what was said of it before. See `UpstreamChanges`. */
export interface HandedOnChanges {
  readonly name: string
  /** Each is looked at by itself (`readAdded`), because two versions may know different settings of servers. */
  readonly added: readonly Partial<UpstreamServer>[]
  /** Labels. */
  readonly drained: readonly string[]
  readonly removed: readonly string[]
}

/** As many as a group may have servers, in the file and beside it. */
const MAX_SERVERS = 512
const labels = listOf(text(300), MAX_SERVERS)
const MAX_LISTENERS = 4096
const fd = wholeNumber(3, 2 ** 24)
const path = textLike(/^\//, 4096, 'an absolute path')
const count = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const listener: Checks<HandedOnListener> = {
  fd,
  key: text(8192),
  display: text(8192),
  unixPath: orNull(text(4096)),
  port: wholeNumber(0, 65_535),
  placed: orNull(object<{ dev: number; ino: number }>({ dev: count, ino: count })),
  isShared: flag,
}
const handOver = object<HandOver>({
  format: wholeNumber(UPGRADE_FORMAT, UPGRADE_FORMAT),
  pid: wholeNumber(1, 2 ** 31 - 1),
  channel: fd,
  listeners: listOf(object(listener), MAX_LISTENERS),
  adminSocket: orNull(path),
  apps: listOf(text(64), 10_000),
})

export const FROM_SUCCESSOR: Shapes<FromSuccessor> = {
  begun: { version: text(100), limitMs: numberFrom(0, Number.MAX_SAFE_INTEGER) },
  failed: { why: text(65_536) },
  serves: { taken: listOf(wholeNumber(0, MAX_LISTENERS), MAX_LISTENERS) },
  settled: {},
  'reopen-logs': {},
}

export const TO_SUCCESSOR: Shapes<ToSuccessor> = {
  tickets: { secrets: ticketSecrets, age: wholeNumber(0, Number.MAX_SAFE_INTEGER) },
  upstream: { name: text(64), added: listOf(anObject, MAX_SERVERS), drained: labels, removed: labels },
  yours: {},
  'reopen-logs': {},
}

/** A server that `jumak upstream` had added. What an earlier version did not know of it does nothing. Null: it is none that this version understands. */
export function readAdded(given: Partial<UpstreamServer>): UpstreamServer | null {
  const { label, address } = given
  if (label === undefined || address === undefined) return null
  const server: UpstreamServer = { ...singleServer(label, address), ...given }
  return SERVER(server) === null ? server : null
}

/** The new one ends before it has a master: its settings are wrong. False: the old one cannot be told. */
export function failHandOver(json: string, why: string): boolean {
  const handOver = readHandOver(json)
  if (handOver === null) return false
  try {
    writeSync(handOver.channel, `${JSON.stringify({ type: 'failed', why } satisfies FromSuccessor)}\n`)
    return true
  } catch {
    return false
  }
}

/** Null: it is none that this version understands. */
export function readHandOver(json: string): HandOver | null {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return null
  }
  const problem: Problem | null = handOver(value)
  return problem === null ? (value as HandOver) : null
}
