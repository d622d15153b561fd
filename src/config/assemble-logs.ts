/**
 * The tables `[[log]]`, and the `logs` of sites and locations: values, and all that is wrong with them. Runs in the command line, and in the
 * master when it reloads.
 */
import type { SiteLog } from '../sites/model.ts'
import { logKeys } from './settings/log-keys.ts'
import { locationSettings } from './settings/site-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { placeOf } from './sources/site-tables.ts'
import type { Values } from './values.ts'

const NAMED: Readonly<Record<string, Pick<SiteLog, 'format' | 'escape'>>> = {
  combined: {
    format:
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
    escape: 'default',
  },
  json: {
    format:
      '{"time":"$time_iso8601","request":"$request_id","client":"$remote_addr","method":"$request_method","host":"$host",' +
      '"uri":"$request_uri","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,' +
      '"referer":"$http_referer","agent":"$http_user_agent"}',
    escape: 'json',
  },
}

/** `values`: of its table. */
export function readLog(table: FileTable, values: Values, before: readonly SiteLog[]): SiteLog {
  const given = values.one(logKeys.name)
  const [file, syslog] = [values.one(logKeys.file), values.one(logKeys.syslog)]
  if (!table.hasMistake) {
    if (!values.isGiven(logKeys.name)) values.tell(table.origin, 'a log needs name, as in name = "shop"')
    if (values.isGiven(logKeys.file) === (syslog !== null))
      values.tell(table.origin, 'a log has either file, as in file = "/var/log/shop.log", or syslog')
  }
  if (given !== null && before.some(one => one.name === given))
    values.refuse(logKeys.name, 'must be another: a log has it already')
  const written = values.one(logKeys.format)
  const named = Object.hasOwn(NAMED, written) ? NAMED[written]! : null
  if (named === null && !written.includes('$'))
    values.refuse(logKeys.format, 'must be combined, json, or text with variables, as in "$remote_addr $status"')
  values.warnUseless(named !== null, logKeys.escape, 'with a format that has a name')
  const [condition, sample] = [values.one(logKeys.if), values.one(logKeys.sample)]
  for (const setting of [logKeys.alwaysStatus, logKeys.alwaysSlow])
    values.warnUseless(condition === null && sample === 1, setting, 'without if or sample: all requests have a line')
  const alwaysStatus = values.one(logKeys.alwaysStatus)
  const alwaysSlow = values.one(logKeys.alwaysSlow)
  if (sample === 0 && alwaysStatus === 0 && alwaysSlow === 0)
    values.refuse(
      logKeys.sample,
      'must be 1 or more without always-status or always-slow: no request would have a line',
    )
  return {
    name: given ?? '',
    target: syslog ?? { kind: 'file', path: file ?? '-' },
    ...(named ?? { format: written, escape: values.one(logKeys.escape) }),
    condition,
    sample,
    alwaysStatus,
    alwaysSlow,
    place: placeOf(table),
  }
}

/** What `logs` of a location or a site says. */
export function readLogUses(values: Values, logs: readonly SiteLog[]): string[] | null {
  const setting = locationSettings.logs
  if (!values.isGiven(setting)) return null
  const taken = values.taken(setting)
  const names: string[] = []
  for (const { value, given } of taken) {
    if (value === 'off') {
      if (taken.length > 1) values.refuse(setting, 'must stand alone', given)
    } else if (names.includes(value)) values.refuse(setting, `must name ${value} once`, given)
    else if (value !== 'access' && !logs.some(({ name }) => name === value)) {
      const known = ['access', ...logs.map(({ name }) => name)].join(', ')
      values.refuse(setting, `must be off, or name one of ${known}: the others are tables [[log]]`, given)
    } else names.push(value)
  }
  return names
}
