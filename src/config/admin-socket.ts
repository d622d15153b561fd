/**
 * Where the admin socket is: the master makes it there, and `jumak status` run later in the same directory, or with the same `-c`, finds
 * it. Its name is made of what the two have in common: the path of the configuration's file, or else the directory. Runs in the command
 * line, and in the master when it reloads. Makes nothing.
 */
import { createHash } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import type { Environment } from './machine/environment.ts'
import type { AdminSocket } from './types.ts'

/** Characters of the hash: 64 bits, and short enough for the path of a socket. */
const NAME_LENGTH = 16

/** `wanted`: a path, `auto` or `off`. `identity`: the absolute path that names the program. */
export function findAdminSocket(wanted: string, identity: string, environment: Environment): AdminSocket {
  if (wanted === 'off') return { paths: [], isAuto: false }
  if (wanted !== 'auto') return { paths: [wanted], isAuto: false }
  const name = `${createHash('sha256').update(identity).digest('hex').slice(0, NAME_LENGTH)}.sock`
  return { paths: directories(environment).map(directory => join(directory, name)), isAuto: true }
}

/** The master makes the last part of these, with mode 0700. The second is for where the first cannot be made. */
function directories({ uid, variables, platform }: Environment): string[] {
  const own = variables['XDG_RUNTIME_DIR']
  // Not $TMPDIR: it differs between a service and a shell.
  const last = `/tmp/jumak-admin-${uid}`
  if (uid === 0) return platform === 'linux' ? ['/run/jumak', last] : [last]
  return own !== undefined && isAbsolute(own) ? [join(own, 'jumak'), last] : [last]
}
