/** The supplementary groups of this process. Only root may change them. Runs in the master and the gateway. */

/** Takes the groups of the user and `gid`. Where the user has no name: only `gid`. */
export function takeGroupsOf(userName: string, gid: number): void {
  // Every Node has `initgroups`; the type definitions do not.
  const { initgroups } = process as unknown as { initgroups(user: string, group: number): void }
  if (userName === '') process.setgroups!([gid])
  else initgroups(userName, gid)
}
