/** `--user`, `--group` and `--gateway-user`, looked up: who the processes become. Only root may change that. */

import { parseGroup, parseUser, type User } from './machine/accounts.ts'
import type { Environment } from './machine/environment.ts'
import { account } from './settings/account.ts'
import type { Setting } from './settings/setting.ts'
import type { Identity } from './types.ts'
import type { Values } from './values.ts'

/** Of the applications. Null: nothing is to be changed, or something is wrong, and a diagnostic says so. */
export function readIdentity(values: Values, environment: Environment): Identity | null {
  const { user: userSetting, group: groupSetting } = account
  const [userKey, groupKey] = [values.one(userSetting), values.one(groupSetting)]
  if (userKey === null && groupKey === null) return null
  const user = userKey === null ? null : findUser(userSetting, userKey, groupKey !== null, values, environment)
  const gid = groupKey === null ? null : findGroup(groupKey, values, environment)
  // It has its diagnostic.
  if ((userKey !== null && user === null) || (groupKey !== null && gid === null)) return null
  const { uid: ownUid, gid: ownGid } = environment
  const wanted: Identity = {
    uid: user?.uid ?? ownUid,
    gid: gid ?? user!.gid,
    userName: user?.name ?? nameOf(ownUid, environment),
  }
  return mayBecome(wanted, ownUid, ownGid, [userSetting, groupSetting], values) ? wanted : null
}

/** `gateway-user`, `cgi-user`. `flat`: what the flat `user` and `group` say. */
export function readOtherIdentity(
  values: Values,
  environment: Environment,
  setting: Setting<string | null>,
  flat: Identity | null,
): Identity | null {
  const key = values.one(setting)
  if (key === null) return values.isGiven(setting) ? null : flat
  const user = findUser(setting, key, flat !== null, values, environment)
  if (user === null) return null
  const wanted = { uid: user.uid, gid: user.gid < 0 ? flat!.gid : user.gid, userName: user.name }
  return mayBecome(wanted, environment.uid, environment.gid, [setting], values) ? wanted : null
}

/** False without a diagnostic: we are that user. */
function mayBecome(
  { uid, gid }: Identity,
  ownUid: number,
  ownGid: number,
  settings: readonly Setting[],
  values: Values,
): boolean {
  if (ownUid === 0) return true
  if (uid === ownUid && gid === ownGid) return false
  for (const setting of settings)
    if (values.isGiven(setting))
      values.report(setting, `may be given only when root starts the program, and user ${ownUid} did`)
  return false
}

/** A number without an entry has no group of its own: -1. */
function findUser(
  setting: Setting,
  key: string,
  hasGroup: boolean,
  values: Values,
  environment: Environment,
): User | null {
  const line = environment.findAccount('passwd', key)
  const user = line === null ? null : parseUser(line)
  if (user !== null) return user
  const isNumber = /^\d+$/.test(key)
  if (isNumber && hasGroup) return { name: '', uid: Number(key), gid: -1 }
  const missing = `must name a user that this machine knows (it is not in /etc/passwd)`
  values.refuse(setting, isNumber ? `${missing}, or come with --group` : missing)
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
