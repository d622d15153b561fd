/** The supplementary groups of this process; for root only. */

/** Those of the user, with `gid`; `gid` alone where the user has no name. */
export function takeGroupsOf(userName: string, gid: number): void {
  // Node has it since ever; the type definitions do not.
  const { initgroups } = process as unknown as { initgroups(user: string, group: number): void }
  if (userName === '') process.setgroups!([gid])
  else initgroups(userName, gid)
}
