/**
 * A place for the admin socket, which only this user and root can reach. Runs in the master.
 *
 * Invariants: a directory that Jumak makes for it (`auto`) belongs to this user, and nobody else may write to it, or it is not used; a
 * link there is not followed. The socket appears at its path whole, with mode 0600: it is bound under another name and renamed. Nothing
 * is removed that answers, or that is no socket. Root puts it nowhere that the user of the workers can redirect.
 */
import { lstatSync, lutimesSync, mkdirSync, renameSync, type Stats, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AdminSocket, Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { describeIdentity } from './identity.ts'
import { mayReplaceIn, replaceableStep } from './safe-path.ts'
import { OWNER_ONLY, withUmask } from './umask.ts'
import { checkSocketPath, isSocketAnswering } from './unix-socket.ts'

/** Cleaners of temporary directories go by age. */
const TOUCH_MS = 3_600_000

export interface AdminPath {
  readonly path: string
  /** Calls `bind` with the path that the socket must get; when it returns, the socket is there. */
  place(bind: (path: string) => void): void
  /** Removes the socket, if it is the one that was placed. Never throws. */
  remove(): void
}

/** `isTaken`: another program has it. */
export interface NoAdminPath {
  readonly problem: string
  readonly isTaken: boolean
}

/**
 * The first of the paths that can be used, or why none can. `users`: those that processes of ours become. Throws an OperatorError when a path
 * that the operator named cannot be used; that another program answers there is not such an error. `predecessor`: the path of the Jumak that
 * we replace: it answers until `place` puts ours there.
 */
export async function findAdminPath(
  { paths, isAuto }: AdminSocket,
  users: readonly Identity[],
  predecessor: string | null = null,
): Promise<AdminPath | NoAdminPath> {
  const problems: string[] = []
  for (const path of paths) {
    try {
      checkSocketPath(temporaryName(path), '--admin-socket')
      if (isAuto) prepareDirectory(dirname(path))
      else for (const user of users) refuseIfRedirectable(user, path)
      if (path === predecessor) return makePath(path)
      if (await isSocketAnswering(path))
        return {
          problem: `another program with the same configuration has ${path}: give one of them --admin-socket PATH`,
          isTaken: true,
        }
      removeDead(path)
      return makePath(path)
    } catch (error) {
      const { message } = asErrno(error)
      if (!isAuto)
        throw new OperatorError(
          `cannot make the admin socket ${path}: ${message}; name another path with --admin-socket`,
        )
      problems.push(message)
    }
  }
  return { problem: `${problems.join('; ')}: name a path with --admin-socket, or switch it off`, isTaken: false }
}

/** Throws when it cannot be made, or is not ours alone. */
function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if (asErrno(error).code !== 'EEXIST') throw error
  }
  const found = lstatSync(directory)
  if (!found.isDirectory()) throw new OperatorError(`${directory} is no directory`)
  if (found.uid !== process.geteuid?.()) throw new OperatorError(`${directory} belongs to another user`)
  // A service manager may have made it, with 0755: the socket itself is 0600.
  if ((found.mode & 0o022) !== 0) throw new OperatorError(`other users may write to ${directory}`)
}

function refuseIfRedirectable(identity: Identity, path: string): void {
  if (process.geteuid?.() !== 0) return
  const directory = dirname(path)
  const step = replaceableStep(identity, path) ?? (mayReplaceIn(identity, directory) ? directory : null)
  if (step !== null)
    throw new OperatorError(`${describeIdentity(identity)} can change ${step}, and so take the place of the socket`)
}

function removeDead(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new OperatorError('a file that is no socket is there')
  unlinkSync(path)
}

function temporaryName(path: string): string {
  return `${path}.${process.pid}`
}

function makePath(path: string): AdminPath {
  let placed: Stats | undefined
  let timer: NodeJS.Timeout | undefined
  const isOurs = () => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    return found !== undefined && found.ino === placed?.ino && found.dev === placed.dev
  }
  return {
    path,
    place(bind) {
      const temporary = temporaryName(path)
      withUmask(OWNER_ONLY, () => bind(temporary))
      placed = lstatSync(temporary)
      renameSync(temporary, path)
      timer = setInterval(() => touch(path), TOUCH_MS)
      timer.unref()
    },
    remove() {
      clearInterval(timer)
      try {
        if (isOurs()) unlinkSync(path)
      } catch {
        // The next start replaces it.
      }
    },
  }
}

function touch(path: string): void {
  const now = new Date()
  try {
    lutimesSync(path, now, now)
    lutimesSync(dirname(path), now, now)
  } catch {
    // Somebody has removed it.
  }
}
