/**
 * `--user`, `--group` and `--gateway-user`, as the master sees them. The master stays root, to bind sockets and to replace processes. Its
 * children drop their privileges themselves (`base/privileges.ts`), the application's before its Python is started (`become.ts`): spawn's
 * `{uid, gid}` would lose the supplementary groups.
 *
 * The master gives the files that they need to the identity, and tries them in its name: a missing right is an error at the start, with
 * a sentence.
 */
import { closeSync, lchownSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { takeGroupsOf } from '../../base/groups.ts'
import type { Config, Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'

/** Who runs the processes of one application, and who runs the gateway. Null: we ourselves. */
export interface ApplicationUsers {
  readonly identity: Identity | null
  readonly gatewayIdentity: Identity | null
}

/** With null: ours. */
export function idsOf(identity: Identity | null): { readonly uid: number; readonly gid: number } {
  return identity ?? { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 }
}

/**
 * The application is another user than the gateway, or has another group. Then neither may reach what belongs to the other: the kernel
 * asks for the same of both (`/proc/<pid>/fd`).
 */
export function areApart({ identity, gatewayIdentity }: ApplicationUsers): boolean {
  const [own, gateway] = [idsOf(identity), idsOf(gatewayIdentity)]
  return own.uid !== gateway.uid || own.gid !== gateway.gid
}

/** The users that our processes become, each once; the gateway's first. */
export function usersOf({ apps, gatewayIdentity }: Pick<Config, 'apps' | 'gatewayIdentity'>): Identity[] {
  const users = new Map<string, Identity>()
  for (const one of [gatewayIdentity, ...apps.map(app => app.identity)])
    if (one !== null) users.set(`${one.uid} ${one.gid}`, one)
  return [...users.values()]
}

/** What the operator should know of the rights of our processes. */
export function rootWarnings({ apps, gatewayIdentity }: Pick<Config, 'apps' | 'gatewayIdentity'>): string[] {
  if (process.geteuid?.() !== 0) return []
  const roots = apps.filter(({ identity }) => identity === null)
  if (gatewayIdentity === null && roots.length === apps.length)
    return [
      apps.length === 0
        ? 'Jumak runs as root, and so does its gateway, which reads what clients send: name another user with --user'
        : apps.length === 1
          ? 'Jumak runs as root, and so does the application: name another user with --user'
          : 'Jumak runs as root, and so do its applications: name other users, as in user = "www-data"',
    ]
  const warnings = roots.map(
    ({ name }) => `${apps.length > 1 ? name : 'the application'} runs as root: name another user with --user`,
  )
  if (gatewayIdentity === null)
    warnings.push('the gateway, which reads what clients send, runs as root: name its user with --gateway-user')
  for (const { name, identity } of apps)
    if (identity !== null && apps.some(one => idsOf(one.identity).uid !== identity.uid))
      if (identity.uid !== 0 && isInGroupOf(identity, gatewayIdentity))
        warnings.push(
          `${name} runs as a member of the gateway's group, and can reach the sockets of other applications: name a --gateway-user with a group of its own`,
        )
  return warnings
}

function isInGroupOf(identity: Identity, gatewayIdentity: Identity | null): boolean {
  const gateway = idsOf(gatewayIdentity)
  if (gateway.uid === identity.uid) return false
  return identity.gid === gateway.gid || runAs(identity, () => process.getgroups!()).includes(gateway.gid)
}

/** `user www-data`, `user 1000`. */
export function describeIdentity({ userName, uid }: Identity): string {
  return `user ${userName === '' ? uid : userName}`
}

/** Throws an OperatorError when the identity cannot be taken: nothing may run as root instead. */
export function checkIdentity(identity: Identity | null): void {
  if (identity === null) return
  const own = process.geteuid?.()
  if (own === 0) {
    runAs(identity, () => {})
  } else if (own !== identity.uid || process.getegid?.() !== identity.gid) {
    throw new OperatorError(
      `cannot become ${describeIdentity(identity)}: only root may change users; start as root, or leave --user, --group and --gateway-user out`,
    )
  }
}

/**
 * Runs the action with the identity's rights to files, then takes our own rights back. Synchronous, so nothing else in the master runs
 * with those rights.
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

/** Makes the identity the owner of a file that we made. In the identity's directory it may be a link by now, which is not followed. */
export function giveTo(identity: Identity | null, path: string): void {
  if (identity !== null && process.geteuid?.() === 0) lchownSync(path, identity.uid, identity.gid)
}

/** The gateway writes temporary files: whether it can is checked at the start. `identity`: its user. Throws an OperatorError. */
export function checkTemporaryDirectory(identity: Identity | null, directory: string): void {
  if (identity === null) return
  const path = join(directory, `jumak-${process.pid}-check`)
  try {
    runAs(identity, () => {
      closeSync(openSync(path, 'wx', 0o600))
      unlinkSync(path)
    })
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(
      `${describeIdentity(identity)} cannot write temporary files to ${directory} (${asErrno(error).code}): choose another directory with --temp-dir`,
    )
  }
}
