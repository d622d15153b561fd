/**
 * CGI programs of sites and locations: which there are, and whether they may be run. Runs in the command line, and in the master when it reloads.
 *
 * Invariants: the gateway names a program by its key alone, which is made of all that the configuration says of it: after a reload the same key is the
 * same program. What stands here is looked at when the configuration is loaded; the spawner looks again at each request (`python/jumak_worker/cgi`).
 */
import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import type { LocationHandler, LocationSettings, Match, Place } from '../sites/model.ts'
import type { CgiLinks, CgiProgram, CgiSettings, Upstream } from '../sites/upstream-model.ts'
import { single } from './assemble-upstreams.ts'
import { statOrNull } from './machine/files.ts'
import { cgi, cgiSettings } from './settings/cgi-keys.ts'
import type { Values } from './values.ts'

/** Of the upstream that is the spawner. No `[[upstream]]` has such a name. */
export const SPAWNER = 'cgi://'
const [GROUP_WRITES, OTHERS_WRITE] = [0o020, 0o002]

/** Who is who on this machine. */
export interface CgiUsers {
  /** Who has started the program. */
  readonly own: number
  /** Users of our processes, where root has started them. Root is none of them. */
  readonly processes: readonly number[]
  /** The programs would run as root. */
  readonly isRoot: boolean
}

const LINKS: Readonly<Record<LocationSettings['disableSymlinks'], CgiLinks>> = {
  outside: 'within',
  on: 'off-limits',
  off: 'followed',
}

export class CgiReader {
  readonly #users: CgiUsers
  readonly #programs = new Map<string, CgiProgram>()
  #place: Place | null = null

  constructor(users: CgiUsers) {
    this.#users = users
  }

  /** The handler of a location with `cgi`. `match`: null for a site. */
  handler(values: Values, match: Match | null, settings: LocationSettings, place: Place): LocationHandler {
    const path: string | null = values.one(cgi)
    if (path === null) return { kind: 'none' }
    this.#place ??= place
    const isDirectory = this.#look(values, path, settings.cgi)
    if (isDirectory === null) return { kind: 'none' }
    if (this.#users.isRoot)
      values.report(cgi, 'is for programs, which never run as root: name another user with user or cgi-user')
    const { own } = this.#users
    const owner = statOrNull(isDirectory ? path : dirname(path))?.uid ?? own
    const program = {
      path,
      isDirectory,
      links: LINKS[settings.disableSymlinks],
      mayBeWritable: settings.cgi.mayBeWritable,
      owners: [...new Set([0, own, owner])],
      interpreters: settings.cgi.interpreters,
      variables: settings.cgi.variables,
    }
    const key = createHash('sha256').update(JSON.stringify(program)).digest('hex').slice(0, 16)
    this.#programs.set(key, { key, ...program })
    const prefix = match?.kind === 'prefix' || match?.kind === 'exact' ? match.path.replace(/\/$/, '') : ''
    return { kind: 'cgi', upstream: SPAWNER, program: key, prefix }
  }

  /** Whether it is a directory; null: it is nothing that can be run, and that is told. */
  #look(values: Values, path: string, { mayBeWritable }: CgiSettings): boolean | null {
    const found = statOrNull(path)
    if (found === null || !(found.isFile() || found.isDirectory())) {
      const what = found === null ? 'is not there, or may not be looked at' : 'is neither a file nor a directory'
      values.report(cgi, `names ${path}, which ${what}`)
      return null
    }
    if (mayBeWritable) return found.isDirectory()
    for (const one of found.isDirectory() ? [path] : [path, dirname(path)]) {
      const { mode, uid } = statOrNull(one) ?? found
      const who =
        (mode & OTHERS_WRITE) !== 0
          ? 'everybody'
          : (mode & GROUP_WRITES) !== 0
            ? 'its group'
            : this.#users.processes.includes(uid)
              ? `user ${uid}, which is one of Jumak's processes,`
              : null
      if (who !== null)
        values.report(
          cgi,
          `names ${path}, and ${who} may write to ${one === path ? 'it' : one}, and so would choose what is run: chmod go-w or chown it, or say cgi-allow-writable = true`,
        )
    }
    return found.isDirectory()
  }

  get programs(): readonly CgiProgram[] {
    return [...this.#programs.values()]
  }

  /** The spawner, as the gateway asks it. The master says where its socket is. None, where there is no program. */
  upstreams(queueTimeout: number): Upstream[] {
    if (this.#place === null) return []
    const address = { kind: 'unix', path: '' } as const
    return [{ ...single(SPAWNER, address, this.#place), protocol: 'cgi', keepalive: 0, queueTimeout }]
  }
}

/** The nearest value as a whole. `outer`: null at a site. */
export function readCgiSettings(values: Values, outer: LocationSettings | null): CgiSettings {
  const { cgiInterpreters, cgiEnv, cgiAllowWritable } = cgiSettings
  const inherited = outer?.cgi
  for (const { value, given } of values.taken(cgiInterpreters))
    if (!value.value.startsWith('/'))
      values.refuse(cgiInterpreters, 'must have absolute paths, as in "/usr/bin/perl"', given)
  return {
    interpreters:
      values.isGiven(cgiInterpreters) || inherited === undefined
        ? Object.fromEntries(values.all(cgiInterpreters).map(({ name, value }) => [name, value]))
        : inherited.interpreters,
    variables: values.isGiven(cgiEnv) || inherited === undefined ? values.all(cgiEnv) : inherited.variables,
    mayBeWritable:
      values.isGiven(cgiAllowWritable) || inherited === undefined
        ? values.one(cgiAllowWritable)
        : inherited.mayBeWritable,
  }
}

/** Settings of the location itself that nothing in it uses. */
export function warnOfUselessCgi(values: Values, isUseless: boolean): void {
  for (const setting of Object.values(cgiSettings)) values.warnUseless(isUseless, setting, 'in a location without cgi')
}
