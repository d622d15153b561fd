/**
 * `--user` and `--group`, as the master sees them. It stays root, to bind and to replace; its children drop their
 * privileges themselves, before anything of the application runs (`gateway/privileges.ts`, `osprocess.py`): what spawn
 * offers for it loses the supplementary groups. What they need is handed over here, and tried here in their name, so
 * that what they may not do is told at start, in a sentence.
 */
import { closeSync, constants, fchownSync, fstatSync, lchownSync, openSync } from 'node:fs'
import { takeGroupsOf } from '../base/groups.ts'
import type { Identity } from '../config/types.ts'
import { openForAppending } from '../observe/sink.ts'
import { asErrno, OperatorError } from './errors.ts'

/** `user www-data`, `user 1000`. */
export function describeIdentity({ userName, uid }: Identity): string {
  return `user ${userName === '' ? uid : userName}`
}

/** Throws an OperatorError where the identity cannot be taken on: nothing may run as root instead. */
export function checkIdentity(identity: Identity | null): void {
  if (identity === null) return
  const own = process.geteuid?.()
  if (own === 0) {
    runAs(identity, () => {})
  } else if (own !== identity.uid || process.getegid?.() !== identity.gid) {
    throw new OperatorError(
      `cannot become ${describeIdentity(identity)}: only root may change users; start as root, or leave --user and --group out`,
    )
  }
}

/**
 * Does something with the rights of the identity, as far as files are concerned, and comes back. Synchronous, so nothing else
 * of the master runs meanwhile.
 */
export function runAs<Result>(identity: Identity | null, action: () => Result): Result {
  if (identity === null || process.geteuid?.() !== 0) return action()
  const groups = process.getgroups!()
  const group = process.getegid!()
  try {
    takeGroupsOf(identity.userName, identity.gid)
    process.setegid!(identity.gid)
    process.seteuid!(identity.uid)
  } catch (error) {
    restore(groups, group)
    throw new OperatorError(`cannot become ${describeIdentity(identity)}: ${asErrno(error).message}`)
  }
  try {
    return action()
  } finally {
    restore(groups, group)
  }
}

function restore(groups: readonly number[], group: number): void {
  process.seteuid!(0)
  process.setegid!(group)
  process.setgroups!(groups)
}

/** Gives a file that we made to the identity. In a directory of theirs it may be a link by now, which is not followed. */
export function giveTo(identity: Identity | null, path: string): void {
  if (identity !== null && process.geteuid?.() === 0) lchownSync(path, identity.uid, identity.gid)
}

/**
 * Opens a log that the master writes itself: in the identity's name where that works, for in a directory of theirs a link might
 * lead to any file of root's, and what the application prints stands in it. Throws what `open` throws, and an OperatorError.
 */
export function openLog(identity: Identity | null, path: string): number {
  try {
    return runAs(identity, () => openForAppending(path))
  } catch (error) {
    if (identity === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
  }
  // Only root may write there.
  const fd = openForAppending(path, constants.O_NOFOLLOW)
  const stats = fstatSync(fd)
  if (!stats.isFile() || stats.nlink === 1) return fd
  closeSync(fd)
  throw new OperatorError(`${path} has another name too, and ${describeIdentity(identity)} may not write it`)
}

/**
 * Sees to it that the identity can append to the file, and makes it where it is missing; called again before logs are
 * reopened, since logrotate may leave the making to us, in a directory where only root may. Throws what `open` throws.
 *
 * Root itself never opens a file that is there already: in a directory of the identity's it might be a link to anything.
 */
export function prepareLog(identity: Identity | null, path: string): void {
  const append = () => closeSync(openForAppending(path))
  try {
    runAs(identity, append)
  } catch (error) {
    if (identity === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640)
      fchownSync(fd, identity.uid, identity.gid)
      closeSync(fd)
    } catch {
      // It is there, and not theirs: what they were told stands.
    }
    runAs(identity, append)
  }
}
