/** `--user` and `--group`, looked up: the user and the group that the processes become. Only root may change them. */

import { parseGroup, parseUser, type User } from './machine/accounts.ts'
import type { Environment } from './machine/environment.ts'
import { account } from './settings/account.ts'
import type { Identity } from './types.ts'
import type { Values } from './values.ts'

/** Null: nothing is to be changed, or something is wrong, and a diagnostic says so. */
export function readIdentity(values: Values, environment: Environment): Identity | null {
  const [userKey, groupKey] = [values.one(account.user), values.one(account.group)]
  if (userKey === null && groupKey === null) return null
  const user = userKey === null ? null : findUser(userKey, groupKey !== null, values, environment)
  const gid = groupKey === null ? null : findGroup(groupKey, values, environment)
  // It has its diagnostic.
  if ((userKey !== null && user === null) || (groupKey !== null && gid === null)) return null
  const { uid: ownUid, gid: ownGid } = environment
  const wanted: Identity = {
    uid: user?.uid ?? ownUid,
    gid: gid ?? user!.gid,
    userName: user?.name ?? nameOf(ownUid, environment),
  }
  if (ownUid === 0) return wanted
  if (wanted.uid === ownUid && wanted.gid === ownGid) return null
  for (const setting of [account.user, account.group])
    if (values.isGiven(setting))
      values.report(setting, `may be given only when root starts the program, and user ${ownUid} did`)
  return null
}

/** A number without an entry has no group of its own. */
function findUser(key: string, hasGroup: boolean, values: Values, environment: Environment): User | null {
  const line = environment.findAccount('passwd', key)
  const user = line === null ? null : parseUser(line)
  if (user !== null) return user
  const isNumber = /^\d+$/.test(key)
  if (isNumber && hasGroup) return { name: '', uid: Number(key), gid: -1 }
  const missing = `must name a user that this machine knows (it is not in /etc/passwd)`
  values.refuse(account.user, isNumber ? `${missing}, or come with --group` : missing)
  return null
}

/** A number needs no entry in /etc/group. */
function findGroup(key: string, values: Values, environment: Environment): number | null {
  const line = environment.findAccount('group', key)
  const group = line === null ? null : parseGroup(line)
  if (group !== null) return group.gid
  if (/^\d+$/.test(key)) return Number(key)
  values.refuse(account.group, 'must name a group that this machine knows (it is not in /etc/group)')
  return null
}

function nameOf(uid: number, environment: Environment): string {
  const line = environment.findAccount('passwd', String(uid))
  return (line === null ? null : parseUser(line)?.name) ?? ''
}
