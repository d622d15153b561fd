/** The mask of permissions that new files do not get, for one action. Runs in the master. */

/** For sockets that only their owner may use. */
export const OWNER_ONLY = 0o177

/** Of this process. Node reads it only by setting it. */
export function currentUmask(): number {
  const mask = process.umask(OWNER_ONLY)
  process.umask(mask)
  return mask
}

/** Synchronous: nothing else in the master makes a file with this mask. So what is made has its permissions from the first moment on. */
export function withUmask<Result>(mask: number, action: () => Result): Result {
  const before = process.umask(mask)
  try {
    return action()
  } finally {
    process.umask(before)
  }
}
