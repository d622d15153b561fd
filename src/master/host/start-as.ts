/**
 * Starts a program as another user, so that nothing of it runs as root. Runs in the master, where that is root. `become.ts` is the process
 * in between, which becomes the program.
 *
 * `spawn` with `{uid, gid}` would lose the user's supplementary groups. To start Python as root, and to change the user there, is too late.
 */
import { extname, join } from 'node:path'
import type { Identity } from '../../config/types.ts'

/** What `become.ts` reads first. */
export interface Become {
  readonly identity: Identity
  /** A path, and its arguments; the path is the first argument too. */
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string>>
}

/** `.ts` in a checkout and `.js` when installed, as this file. */
const PROGRAM = join(import.meta.dirname, `become${extname(import.meta.filename)}`)

/** To be run with an empty environment. Its standard input gets `firstBytes`. */
export const BECOME: readonly [string, ...string[]] = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  PROGRAM,
]

/** The same for a caller whose socket is descriptor 3: Node gives only standard streams on to the program that it becomes. */
export const BECOME_WITH_3: readonly [string, ...string[]] = ['/bin/sh', '-c', 'exec "$@" 0<&3 3<&-', 'sh', ...BECOME]

/** Null: the program needs no other user. */
export function otherUser(identity: Identity | null): Identity | null {
  return process.geteuid?.() === 0 && identity !== null && identity.uid !== 0 ? identity : null
}

export function firstBytes(
  identity: Identity,
  command: Become['command'],
  variables: Readonly<Record<string, string | undefined>>,
): Buffer {
  const environment = Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const text = Buffer.from(JSON.stringify({ identity, command, environment } satisfies Become))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}
