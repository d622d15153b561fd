/** Users and groups by name or number: from /etc/passwd and /etc/group, then from other databases of the system (LDAP, systemd). */
import { spawnSync } from 'node:child_process'
import { readText } from './files.ts'

/** A directory server that does not answer delays the start no longer than this. */
const ASK_MS = 5000

export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface Group {
  readonly name: string
  readonly gid: number
}

/** The line of the database, without its line feed. */
export function findAccount(database: 'passwd' | 'group', key: string): string | null {
  return findLine(readText(`/etc/${database}`) ?? '', key) ?? askSystem(database, key)
}

/** Names before numbers: the name of an account may be digits. */
export function findLine(text: string, key: string): string | null {
  const lines = text.split('\n').map(line => ({ line, fields: line.split(':') }))
  const found =
    lines.find(({ fields }) => fields.length > 2 && fields[0] === key) ??
    (/^\d+$/.test(key) ? lines.find(({ fields }) => fields[2] === String(Number(key))) : undefined)
  return found?.line ?? null
}

/** Linux has getent. Other systems are asked by their files only. */
function askSystem(database: 'passwd' | 'group', key: string): string | null {
  const { status, stdout } = spawnSync('getent', [database, key], { encoding: 'utf8', timeout: ASK_MS })
  return status === 0 ? (stdout.split('\n')[0] ?? null) : null
}

export function parseUser(line: string): User | null {
  const [name = '', , uid = '', gid = ''] = line.split(':')
  return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? { name, uid: Number(uid), gid: Number(gid) } : null
}

export function parseGroup(line: string): Group | null {
  const [name = '', , gid = ''] = line.split(':')
  return /^\d+$/.test(gid) ? { name, gid: Number(gid) } : null
}
