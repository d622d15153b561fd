/**
 * Who can read keys in the gateway's memory. Runs in the master.
 *
 * A gateway that was root and has become a user is closed to that user's other processes: its memory, its descriptors, ptrace. The kernel
 * sees to that (`commit_creds` clears "dumpable"), as long as the process starts no other program; `base/privileges.ts` is all that happens.
 * So with root and `--user` applications are kept out even where they run as the gateway's user. Without root they are not.
 */
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/types.ts'
import { idsOf } from '../host/identity.ts'

type Users = Pick<Config, 'apps' | 'gatewayIdentity'>

/** `1`: the kernel leaves such processes open, to debug them. */
const SUID_DUMPABLE = '/proc/sys/fs/suid_dumpable'

/**
 * For the start, where it is as everybody would expect: applications run as the user that started Jumak. Null: they do not, or as root, of which
 * `rootWarnings` warns.
 */
export function sharedUser(): string | null {
  if (process.geteuid?.() === 0) return null
  return 'applications run as the user that holds the keys of TLS, and can read them; with root and a --user for each they cannot'
}

/** Where it is not as everybody would expect: root has been left, and the memory is open all the same. `file`: for its test. */
export function openMemory({ apps, gatewayIdentity }: Users, file = SUID_DUMPABLE): string[] {
  const gateway = idsOf(gatewayIdentity).uid
  const isShared = gateway !== 0 && apps.some(({ identity }) => idsOf(identity).uid === gateway)
  if (!isShared || readWord(file) !== '1') return []
  return [
    'fs.suid_dumpable is 1 on this machine, so applications that run as the user of the gateway can read its keys: sysctl fs.suid_dumpable=2, or name a --gateway-user of its own',
  ]
}

/** Empty: there is none, as on macOS, which asks for more than the same user. */
function readWord(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}
