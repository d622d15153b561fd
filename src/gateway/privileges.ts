/**
 * Drops root's privileges in the gateway, for good. The master holds the listening sockets and stays root; the gateway
 * has them already, and needs no more than any user from here on. Called before the first file is opened and before the
 * first byte of a client is read.
 */
import { takeGroupsOf } from '../base/groups.ts'
import type { Identity } from '../config/types.ts'

/** Throws where it does not succeed: the gateway must not serve then. */
export function dropPrivileges({ uid, gid, userName }: Identity): void {
  if (process.geteuid?.() === 0) {
    // In this order: each step needs what the next one takes away. The user's supplementary groups are kept.
    takeGroupsOf(userName, gid)
    process.setgid!(gid)
    process.setuid!(uid)
  }
  const is = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()]
  if (is.some((id, index) => id !== (index < 2 ? uid : gid)))
    throw new Error(`this process should have become user ${uid} and group ${gid}, and is ${is.join(' ')}`)
}
