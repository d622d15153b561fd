/**
 * Keys that are only in files, and only in their place: what an `[[app]]` and an `[[app.pool]]` have besides settings, and `include`.
 * They are defined as settings are, so the reference, the schema and all messages are made from them.
 */
import {
  nameOfPath,
  parseApplicationName,
  parseApplicationPath,
  parsePoolName,
  parsePoolPath,
} from '../kinds/application-keys.ts'
import { parseHostName } from '../kinds/host-name.ts'
import { count, text } from '../kinds/kinds.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { MAX_WORKERS } from './workers.ts'

const ofFile = { section: 'Applications', sources: ['file'], change: 'live' } as const

/** Keys of `[[app]]`. */
export const appKeys = {
  name: input<string>({
    ...ofFile,
    name: 'name',
    placeholder: 'NAME',
    kind: text('lower-case letters, digits, `-`, `_`', parseApplicationName, {
      json: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,31}$' },
    }),
    default: null,
    defaultText: "none; in a file of include, the file's name",
    why: 'Log lines and commands need a name that stays the same.',
    doc: 'Name of the application in the log and in commands.',
    more: 'No two applications have the same name. `default` is the application of the settings at the top of the file.',
  }),
  path: input<string>({
    ...ofFile,
    name: 'path',
    placeholder: 'PATH',
    kind: text('path of URLs, as in `/api`', parseApplicationPath),
    default: '/',
    why: 'Most applications have a host of their own.',
    doc: 'Path below which requests are for this application, as in /api.',
    more: '`/api` claims `/api` and all below `/api/`, never `/apix`; a slash at its end means nothing. Of several paths the longest wins. Paths are decoded once, and `.` and `..` are resolved, before they are compared. `SCRIPT_NAME` (`root_path`) is `root-path` and this path; `static`, `timeout-for` and the paths of pools are written from the root of the application. What no application claims is answered 404. After HUP another path holds from the moment in which the reloaded application serves. Beside `[[site]]` it is so for an application with `hosts`, and for one that no location names. One without hosts that a location names is there alone, and its path is only taken from what it sees, as its `SCRIPT_NAME`.',
  }),
  hosts: input<string>({
    ...ofFile,
    name: 'hosts',
    placeholder: 'HOST',
    kind: text('name, as in `api.example.kr` or `*.example.kr`', parseHostName),
    default: null,
    defaultText: 'all',
    why: 'One application is for all hosts that lead to this machine.',
    doc: 'Hosts whose requests are for this application, as in api.example.kr; a list.',
    more: '`*.example.kr` is for all names below `example.kr`, not for `example.kr` itself. The exact name comes first, then the longest `*.`, then applications without hosts; within each the longest `path` wins. Case, port and a dot at the end do not matter. Beside `[[site]]` the hosts are the names of one more site, which comes after those that are written; what no application claims there is answered 404. Applications without hosts that no location names are for all hosts that no site names, unless a `[[site]]` has `default = true` or no `names`.',
    repeatable: 'words',
  }),
}

/** Keys of `[[app.pool]]`. */
export const poolKeys = {
  paths: input<string>({
    ...ofFile,
    name: 'paths',
    placeholder: 'PATH',
    kind: text('path of URLs, as in `/export`', parsePoolPath),
    default: null,
    defaultText: 'none: it must be given',
    why: 'A pool is for the requests below its paths.',
    doc: 'Paths whose requests the workers of the pool run, as in /export; a list.',
    more: 'They are written from the root of the application, as in its `PATH_INFO`. `/export` means `/export` and all below it; the longest wins.',
    repeatable: 'words',
  }),
  workers: input<number>({
    ...ofFile,
    name: 'workers',
    placeholder: 'N',
    kind: count(1, MAX_WORKERS),
    default: '1',
    defaultText: 'none: it must be given',
    why: 'Only the person who knows the slow requests can say.',
    doc: 'Worker processes of the pool, besides those of the application.',
  }),
  name: input<string>({
    ...ofFile,
    name: 'name',
    placeholder: 'NAME',
    kind: text('lower-case letters, digits, `-`, `_`', parsePoolName, {
      json: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,31}$' },
    }),
    default: null,
    defaultText: `made of the first path: ${nameOfPath('/export/csv')} for /export/csv`,
    why: 'Most pools have one path.',
    doc: 'Name of the pool in the log and in the status.',
  }),
}

/** Only at the top of the file. */
export const include: Setting<string> = {
  ...ofFile,
  name: 'include',
  placeholder: 'PATTERN',
  kind: text('path, with `*` in the name of the file', written =>
    written === '' || written.includes('\0') ? { problem: 'must name files, as in sites/*.toml' } : { value: written },
  ),
  default: null,
  defaultText: 'none',
  why: 'A few applications and sites are best seen in one file.',
  doc: 'Files with applications and sites, as in sites/*.toml; a list.',
  more: 'A file has tables `[[app]]`, `[[site]]`, `[[tls]]` and those that sites name (`[[map]]`, `[[geo]]`, `[[split]]`, `[[limit]]`, `[[log]]`, `[[upstream]]`), or the keys of one `[[app]]` at its top level, whose `name` is the name of the file if it is not given, and beside which sites may stand. They come after those of this file, in the order of the names; a file that includes others is refused. Relative paths in it start at its directory. Only the name of the file may have a `*`. HUP looks again which files there are.',
  repeatable: 'words',
}

export const APP_KEYS: readonly Setting[] = settingsIn(appKeys)
export const POOL_KEYS: readonly Setting[] = settingsIn(poolKeys)
