/**
 * Who is let in to a site or a location: its values, what it inherits, and the files of passwords. Runs in the command line, and in the
 * master when it reloads.
 *
 * Invariant: each file is read once, and each mistake in it is told once, with its line.
 * Not here: what the values may be (`settings/access-keys.ts`), what the lines of a file may be (`src/access/password-file.ts`).
 */
import { readFileSync, statSync } from 'node:fs'
import { MAX_PASSWORD_FILE, parsePasswordFile } from '../access/password-file.ts'
import type { Access, LimitExcept, LocationSettings, PasswordFile, SiteName, ValidReferers } from '../sites/model.ts'
import type { RefererWord } from './kinds/access-words.ts'
import { accessSettings, methodKeys } from './settings/access-keys.ts'
import type { Setting } from './settings/setting.ts'
import type { Values } from './values.ts'

const OPEN: Access = { rules: [], satisfy: 'all', basic: null, users: null, request: null, requestSets: [] }

export class AccessReader {
  /** Null: it could not be read, which was told. */
  readonly #files = new Map<string, PasswordFile | null>()

  /** `outer`: of the site or the location around it; null: there is none. */
  read(values: Values, outer: Access | null): Access {
    const { access, satisfy, authBasic, authUsers, authRequest, authRequestSet } = accessSettings
    const inherited = outer ?? OPEN
    const own = <Value>(setting: Setting, read: () => Value, otherwise: Value): Value =>
      values.isGiven(setting) ? read() : otherwise
    const basic = own(authBasic, () => withoutOff(values.one(authBasic)), inherited.basic)
    const users = own(authUsers, () => values.one(authUsers), inherited.users)
    const request = own(authRequest, () => withoutOff(values.one(authRequest)), inherited.request)
    values.warnUseless(request === null, authRequestSet, 'without auth-request')
    if (basic !== null && users === null) values.report(authBasic, 'needs auth-users, a file of names and passwords')
    if (users !== null && values.isGiven(authUsers)) this.#open(users, values)
    return {
      rules: own(access, () => values.all(access), inherited.rules),
      satisfy: own(satisfy, () => values.one(satisfy), inherited.satisfy),
      basic,
      users,
      request,
      requestSets: own(authRequestSet, () => values.all(authRequestSet), inherited.requestSets),
    }
  }

  get passwordFiles(): readonly PasswordFile[] {
    return [...this.#files.values()].filter(file => file !== null)
  }

  #open(file: string, values: Values): void {
    if (this.#files.has(file)) return
    this.#files.set(file, null)
    const { authUsers } = accessSettings
    const text = readUsers(file, values)
    if (text === null) return
    const { users, problems } = parsePasswordFile(text)
    for (const { line, problem } of problems)
      values.tell({ from: 'file', file, directory: '', position: { line, column: 1 } }, problem)
    if (users.length === 0 && problems.length === 0)
      values.warn(authUsers, `names ${file}, which has no user: nobody can log in`)
    this.#files.set(file, { file, users })
  }
}

type Links = Pick<LocationSettings, 'secureLink' | 'secureLinkMd5' | 'validReferers'>

/** What is known of links to a location. `names`: of its site. */
export function readLinks(values: Values, outer: Links | null, names: readonly SiteName[]): Links {
  const { secureLink, secureLinkMd5, validReferers } = accessSettings
  const link: string | null = values.isGiven(secureLink) ? values.one(secureLink) : (outer?.secureLink ?? null)
  const signed: string | null = values.isGiven(secureLinkMd5)
    ? values.one(secureLinkMd5)
    : (outer?.secureLinkMd5 ?? null)
  if (link !== null && signed === null) values.report(secureLink, 'needs secure-link-md5, what the hash is of')
  values.warnUseless(link === null, secureLinkMd5, 'without secure-link')
  return {
    secureLink: link,
    secureLinkMd5: signed,
    validReferers: values.isGiven(validReferers)
      ? referersOf(values.all(validReferers).flat(), names)
      : (outer?.validReferers ?? null),
  }
}

function referersOf(words: readonly RefererWord[], names: readonly SiteName[]): ValidReferers {
  const all = words.flatMap((word): readonly RefererWord[] =>
    word.kind === 'server_names' ? names.map(one => (one.kind === 'regex' ? one : { ...one, path: '' })) : [word],
  )
  return {
    none: words.some(({ kind }) => kind === 'none'),
    blocked: words.some(({ kind }) => kind === 'blocked'),
    hosts: all.flatMap(one => ('name' in one ? [one] : [])),
    patterns: all.flatMap(one => ('pattern' in one ? [{ ...one.pattern, ignoresCase: true }] : [])),
  }
}

/** A character for each byte. Null: it cannot be read, which is told. */
function readUsers(file: string, values: Values): string | null {
  const { authUsers } = accessSettings
  try {
    const { size, mode } = statSync(file)
    if (size > MAX_PASSWORD_FILE) {
      values.report(authUsers, `names ${file}, which has more than ${MAX_PASSWORD_FILE} bytes`)
      return null
    }
    if ((mode & 0o004) !== 0) values.warn(authUsers, `names ${file}, which everybody may read: chmod o-r ${file}`)
    return readFileSync(file, 'latin1')
  } catch (error) {
    values.report(authUsers, `names ${file}, which cannot be read: ${(error as Error).message}`)
    return null
  }
}

/** `own`: what holds for the other methods of the location. */
export function readLimitExcept(values: Values, own: Access): LimitExcept | null {
  const methods: readonly string[] | null = values.one(methodKeys.limitExcept)
  values.warnUseless(methods === null, methodKeys.limitExceptAccess, 'without limit-except')
  return methods === null ? null : { methods, access: { ...own, rules: values.all(methodKeys.limitExceptAccess) } }
}

function withoutOff(realm: string): string | null {
  return realm === 'off' ? null : realm
}
