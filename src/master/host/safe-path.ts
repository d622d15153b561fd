/**
 * Whether a user can redirect root on the way to a file. `O_NOFOLLOW` and `O_EXCL` protect only the last name of a path: a user who may
 * replace a directory before it, by a link or by another directory, decides where root writes.
 *
 * It walks the path as the kernel does, link by link. When only root may change every step, the result stays true. Access control lists
 * are not considered. Runs in the master.
 */
import { constants, lstatSync, openSync, readdirSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { runAs } from './identity.ts'

const [STICKY, GROUP_WRITES, OTHERS_WRITE] = [0o1000, 0o020, 0o002]
/** As in the kernel: more links than this on a path are ELOOP. */
const MAX_LINKS = 40

/** Opens a file to read it. Its name may not be a link, and a pipe does not wait for a writer. Null: there is none. Throws OperatorError. */
export function openUnlinked(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = asErrno(error)
    if (code === 'ENOENT') return null
    throw code === 'ELOOP' ? new OperatorError(`${path} is a symbolic link`) : error
  }
}

/** The first directory or link on the way to the file that the user can replace; null: there is none. Throws what `lstat` throws. */
export function replaceableStep(identity: Identity, path: string): string | null {
  const groups = runAs(identity, () => process.getgroups!())
  return findStep(dirname(resolve(path)), (directory, entry) => mayReplace(identity, groups, directory, entry))
}

/** The first step on the way to a file or directory, itself included, that any user but root can replace, change or put something into. */
export function stepOfOthers(path: string): string | null {
  const step = findStep(resolve(path), isReplaceableByOthers)
  if (step !== null) return step
  return isOpenToOthers(statSync(path)) ? path : null
}

/** The first file or directory below the directory that any user but root can change; links are followed to their end. */
export function changeableByOthers(directory: string): string | null {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const found = entry.isSymbolicLink() ? stepOfOthers(path) : isOpenToOthers(lstatSync(path)) ? path : null
    if (found !== null) return found
  }
  return null
}

/** The first step on the way to the directory, itself included, that can be replaced. */
function findStep(path: string, isReplaceable: (directory: Stats, entry: Stats) => boolean): string | null {
  let parent = '/'
  let links = 0
  const steps = path.split('/').filter(Boolean)
  while (steps.length > 0) {
    const step = resolve(parent, steps.shift()!)
    const found = lstatSync(step)
    if (isReplaceable(lstatSync(parent), found)) return step
    if (!found.isSymbolicLink()) {
      parent = step
      continue
    }
    if (++links > MAX_LINKS) return step
    const target = readlinkSync(step)
    if (target.startsWith('/')) parent = '/'
    steps.unshift(...target.split('/').filter(Boolean))
  }
  return null
}

/** Whether the user may replace a file of root's in this directory. Throws what `lstat` throws. */
export function mayReplaceIn(identity: Identity, directory: string): boolean {
  const groups = runAs(identity, () => process.getgroups!())
  return mayReplace(identity, groups, statSync(directory), { uid: 0 })
}

/** Whether the user may replace this entry of the directory. In a sticky directory only its owner and the entry's owner may. */
function mayReplace(
  { uid, gid }: Identity,
  groups: readonly number[],
  directory: Stats,
  entry: Pick<Stats, 'uid'>,
): boolean {
  if (directory.uid === uid) return true
  const isInGroup = directory.gid === gid || groups.includes(directory.gid)
  const mayWrite = (directory.mode & OTHERS_WRITE) !== 0 || (isInGroup && (directory.mode & GROUP_WRITES) !== 0)
  return mayWrite && ((directory.mode & STICKY) === 0 || entry.uid === uid)
}

function isReplaceableByOthers(directory: Stats, entry: Stats): boolean {
  const isSticky = directory.uid === 0 && (directory.mode & STICKY) !== 0 && entry.uid === 0
  return isOpenToOthers(directory) && !isSticky
}

function isOpenToOthers({ uid, gid, mode }: Stats): boolean {
  return uid !== 0 || (mode & OTHERS_WRITE) !== 0 || (gid !== 0 && (mode & GROUP_WRITES) !== 0)
}
