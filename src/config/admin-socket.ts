/**
 * Where the admin socket is: the master makes it there, and `jumak status` run later in the same directory, or with the same `-c`, finds
 * it. Its name is made of what the two have in common: the path of the configuration's file, or else the directory. Runs in the command
 * line, and in the master when it reloads. Makes nothing.
 */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fromWorkingDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { application } from './settings/application.ts'
import { processes } from './settings/processes.ts'
import type { AdminSocket } from './types.ts'
import type { Values } from './values.ts'

/** Characters of the hash: 64 bits, and short enough for the path of a socket. */
const NAME_LENGTH = 16

/** `file`: the absolute path of the configuration's file; null: there is none. */
export function readAdminSocket(values: Values, environment: Environment, file: string | null): AdminSocket {
  const wanted = values.one(processes.adminSocket)
  if (wanted === 'off') return { paths: [], isAuto: false }
  if (wanted !== 'auto') return { paths: [wanted], isAuto: false }
  return { paths: autoPaths(file ?? directoryOf(values, environment), environment), isAuto: true }
}

/**
 * The same for a client. A service manager resolves links, and a shell does not: so the program may have been started by another name of
 * the same place.
 */
export function locateSocket(values: Values, environment: Environment, file: string | null): AdminSocket {
  const found = readAdminSocket(values, environment, file)
  if (!found.isAuto) return found
  try {
    const real = autoPaths(realpathSync(file ?? directoryOf(values, environment)), environment)
    return { paths: [...new Set([...found.paths, ...real])], isAuto: true }
  } catch {
    // It does not exist.
    return found
  }
}

/** Whether it is a directory does not matter here. */
function directoryOf(values: Values, environment: Environment): string {
  return fromWorkingDirectory(values.givens(application.directory)[0]!.text, environment)
}

function autoPaths(identity: string, environment: Environment): string[] {
  const name = `${createHash('sha256').update(identity).digest('hex').slice(0, NAME_LENGTH)}.sock`
  return directories(environment).map(directory => join(directory, name))
}

/** The master makes the last part of these, with mode 0700. The second is for where the first cannot be made. */
function directories({ uid, variables, platform }: Environment): string[] {
  const own = variables['XDG_RUNTIME_DIR']
  // Not $TMPDIR: it differs between a service and a shell. Not `jumak-…`: each start removes such directories that are empty and old.
  const last = `/tmp/.jumak-admin-${uid}`
  if (uid === 0) return platform === 'linux' ? ['/run/jumak', last] : [last]
  return own !== undefined && isAbsolute(own) ? [join(own, 'jumak'), last] : [last]
}
