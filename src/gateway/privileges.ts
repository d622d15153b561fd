/**
 * Drops the privileges of root in the gateway, for good. The master stays root. The gateway has its listening sockets already, and needs
 * no more than the user may from here on. Called before the first file is opened and before the first byte of a client is read.
 */
import { takeGroupsOf } from '../base/groups.ts'
import type { Identity } from '../config/types.ts'

/** Throws if it fails: the gateway must not serve then. */
export function dropPrivileges({ uid, gid, userName }: Identity): void {
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
