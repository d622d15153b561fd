/**
 * Drops the privileges of root in this process, for good. The master stays root. Runs in the gateway, before the first file is opened and
 * before the first byte of a client is read, and in the process that becomes an application's Python (`master/host/become.ts`).
 */
import { takeGroupsOf } from './groups.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
  /** Empty: it has no name, and no supplementary groups. */
  readonly userName: string
}

/** Throws if it fails: the process must not go on then. */
export function dropPrivileges({ uid, gid, userName }: Account): void {
  if (process.geteuid?.() === 0) {
    // The order matters: each step needs a right that the next one drops. The user's supplementary groups are kept.
    takeGroupsOf(userName, gid)
    process.setgid!(gid)
    process.setuid!(uid)
  }
  const is = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()]
  if (is.some((id, index) => id !== (index < 2 ? uid : gid)))
    throw new Error(`this process should have become user ${uid} and group ${gid}, and is ${is.join(' ')}`)
}
