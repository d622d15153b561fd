/**
 * TLS from the settings: the entry of the flat ones, and one for each `[[tls]]`. Runs in the command line, and in the master when it reloads.
 *
 * Invariants: each mistake has one diagnostic, so nothing is said about what only follows from a value that was refused. One entry at most is
 * the default one.
 * Not here: what is in the files (`master/tls/`).
 */
import type { GivenSettings } from './applications.ts'
import { schemeOf } from './kinds/bind.ts'
import { completeCiphers, isForTls13Only } from './machine/ciphers.ts'
import type { Environment } from './machine/environment.ts'
import { listening } from './settings/listening.ts'
import type { Setting } from './settings/setting.ts'
import { tls } from './settings/tls.ts'
import { type EntrySettings, flatEntry, tlsKeys } from './settings/tls-entry.ts'
import type { FileTable } from './sources/app-tables.ts'
import { formatPlace } from './sources/given.ts'
import type { BindAddress, HttpsConfig, TlsConfig, TlsEntry } from './types.ts'
import { Values } from './values.ts'

/** The gateway takes as many. OpenSSL keeps one for each type of key, and has fewer types. */
const MAX_CERTIFICATES = 8
/** A table or a name for each customer; more names than that are for a wildcard. The gateway takes ten times as many. */
const [MAX_TABLES, MAX_NAMES] = [1000, 1000]

/** Also fills `values`, which are the program's, with all diagnostics. */
export function assembleTls(given: GivenSettings, values: Values, environment: Environment): TlsConfig {
  const keyPassword = given.keyPassword ?? null
  const flat = readEntry(values, flatEntry, 'tls-cert')
  if (given.tls.length > MAX_TABLES)
    values.tell(given.tls[MAX_TABLES]!.origin, `there are ${given.tls.length} tables [[tls]]: ${MAX_TABLES} at most`)
  const tables = given.tls.flatMap(table => readTable(table, values, environment) ?? [])
  // A mistake in a table is told already.
  const entries = withDefault(
    [...(flat === null ? [] : [{ ...flat, keyPassword, names: [], isDefault: false }]), ...tables],
    values,
  )
  refuseSameNames(given, tables, values)
  return { entries, isSelfSigned: values.one(tls.selfSigned) === 'self-signed', flat: readRules(values, flatEntry) }
}

export function hasTls({ entries, isSelfSigned }: TlsConfig): boolean {
  return entries.length > 0 || isSelfSigned
}

type Rules = Omit<TlsEntry, 'names' | 'isDefault'>

/** Null: there is no certificate, or something is refused. `hasMistake`: something is told of it already, from which others may follow. */
function readEntry(values: Values, of: EntrySettings, origin: string, hasMistake = false): Rules | null {
  const [certificates, keys, staples] = [of.certificates, of.keys, of.staples].map(one => values.all(one))
  const keyPasswordFile = values.one(of.passwordFile)
  const clients = readClients(values, of)
  const rules = readRules(values, of)
  if (hasMistake || [of.certificates, of.keys, of.staples].some(one => isRefused(one, values))) return null
  const has = certificates!.length > 0
  const useless: [boolean, Setting][] = [
    [keys!.length > 0, of.keys],
    [keyPasswordFile !== null, of.passwordFile],
    [staples!.length > 0, of.staples],
    [clients !== null, of.clients],
  ]
  for (const [isThere, setting] of has ? [] : useless)
    if (isThere) values.report(setting, `needs a certificate: give ${of.certificates.name} too`)
  if (!has) return null
  if (certificates!.length > MAX_CERTIFICATES)
    values.report(of.certificates, `has ${certificates!.length} certificates: ${MAX_CERTIFICATES} at most`)
  if (keys!.length !== certificates!.length) {
    const counts = `${certificates!.length} and ${keys!.length}`
    if (keys!.length === 0) values.report(of.certificates, `needs its key: give ${of.keys.name} too`)
    else
      values.report(
        of.keys,
        `must be given once for each ${of.certificates.name}, in the same order: there are ${counts}`,
      )
    return null
  }
  if (staples!.length > 0 && staples!.length !== certificates!.length)
    values.report(
      of.staples,
      `must be given once for each ${of.certificates.name}, in the same order; off stands for none`,
    )
  return {
    origin,
    certificates: certificates!.map((certificate, index) => ({
      certificate: certificate!,
      key: keys![index]!,
      staple: staples![index] ?? null,
    })),
    keyPasswordFile,
    keyPassword: null,
    ...rules,
    clients,
  }
}

function readRules(values: Values, of: EntrySettings): TlsConfig['flat'] {
  const [minVersion, list] = [values.one(of.minVersion), values.one(of.ciphers)]
  if (list === null) return { minVersion: `TLSv${minVersion}`, ciphers: null }
  const complete = completeCiphers(list)
  if ('problem' in complete) values.report(of.ciphers, complete.problem)
  else if (minVersion === '1.2' && isForTls13Only(list))
    values.report(of.ciphers, `has ciphers of TLS 1.3 only: add some of TLS 1.2, or set ${of.minVersion.name} to 1.3`)
  return { minVersion: `TLSv${minVersion}`, ciphers: 'ciphers' in complete ? complete.ciphers : null }
}

function isRefused(setting: Setting, values: Values): boolean {
  return values.isGiven(setting) && values.givens(setting).some(({ text }) => 'problem' in setting.kind.parse(text))
}

function readClients(values: Values, of: EntrySettings): TlsEntry['clients'] {
  const who = values.one(of.clients)
  const [authorities, revoked, depth] = [
    values.one(of.clientAuthorities),
    values.one(of.clientRevoked),
    values.one(of.clientDepth),
  ]
  if (isRefused(of.clients, values) || isRefused(of.clientAuthorities, values)) return null
  if (who === 'off') {
    const useless: [boolean, Setting][] = [
      [authorities !== null, of.clientAuthorities],
      [revoked !== null, of.clientRevoked],
      [depth !== 'any', of.clientDepth],
    ]
    for (const [isThere, setting] of useless)
      if (isThere)
        values.report(setting, `does nothing while ${of.clients.name} is off: make that optional or required`)
    return null
  }
  if (authorities === null) {
    values.report(of.clients, `needs to know whom to trust: give ${of.clientAuthorities.name} too`)
    return null
  }
  return { isRequired: who === 'required', authorities, revoked, depth: depth === 'any' ? null : depth }
}

/** Null: it is told what is wrong. Version and ciphers of the flat settings hold for all. */
function readTable(table: FileTable, program: Values, environment: Environment): TlsEntry | null {
  const { file, position } = table.origin
  const inherited = [
    [tlsKeys.minVersion.name, flatEntry.minVersion.name],
    [tlsKeys.ciphers.name, flatEntry.ciphers.name],
  ] as const
  const settings = new Map(table.values)
  for (const [own, flat] of inherited) {
    const given = program.given(flat)
    if (!settings.has(own) && given !== undefined) settings.set(own, given)
  }
  const values = new Values(settings, environment)
  const rules = readEntry(values, tlsKeys, `${formatPlace(file, position)} [[tls]]`, table.hasMistake)
  const names = readNames(values)
  const isDefault = values.one(tlsKeys.isDefault)
  program.diagnostics.push(...values.diagnostics)
  if (rules !== null) return { ...rules, names, isDefault }
  if (values.diagnostics.length === 0 && !table.hasMistake)
    program.tell(table.origin, `an entry [[tls]] needs a certificate, as in ${tlsKeys.certificates.name} = "site.pem"`)
  return null
}

function readNames(values: Values): string[] {
  const names: string[] = []
  for (const { value, given } of values.taken(tlsKeys.names)) {
    if (names.includes(value)) values.report(tlsKeys.names, `has ${value} twice: each name may be given once`, given)
    else names.push(value)
  }
  if (names.length > MAX_NAMES) values.report(tlsKeys.names, `has ${names.length} names: ${MAX_NAMES} at most`)
  return names
}

/** The one that says so; else that of the flat settings, or the first one. */
function withDefault(entries: readonly TlsEntry[], values: Values): TlsEntry[] {
  const said = entries.filter(({ isDefault }) => isDefault)
  if (said.length > 1)
    values.diagnostics.push({
      subject: said[1]!.origin,
      message: `${said[1]!.origin}: ${said[0]!.origin} is the default already: one is possible`,
    })
  return entries.map((entry, index) => ({ ...entry, isDefault: said.length === 0 ? index === 0 : entry.isDefault }))
}

function refuseSameNames(given: GivenSettings, tables: readonly TlsEntry[], values: Values): void {
  const seen = new Map<string, string>()
  for (const { names, origin } of tables)
    for (const name of names) {
      const before = seen.get(name)
      const table = given.tls.find(one => origin.startsWith(formatPlace(one.origin.file, one.origin.position)))
      if (before !== undefined && table !== undefined)
        values.tell(table.origin, `${name} has the entry ${before} already`)
      seen.set(name, origin)
    }
}

/** What contradicts each other in addresses, redirect and HSTS. */
export function checkHttps(
  values: Values,
  { redirect, hsts }: HttpsConfig,
  { given: all, bind }: { readonly given: GivenSettings; readonly bind: readonly BindAddress[] },
): void {
  // A certificate that is wrong is a mistake of its own.
  const isSelfSigned = values.givens(tls.selfSigned).some(({ text }) => text === 'self-signed')
  const isOn = isSelfSigned || all.tls.length > 0 || values.isGiven(tls.certificates)
  const schemes = bind.map(address => schemeOf(address, isOn))
  for (const { value, given } of values.taken(listening.bind))
    if (value.scheme === 'https' && !isOn)
      values.report(
        listening.bind,
        'speaks TLS, and there is no certificate: give tls-cert and tls-key, or --tls self-signed',
        given,
      )
  const speaks = `needs an address that speaks TLS: ${isOn ? 'as in -b https://:443' : 'give tls-cert and tls-key'}`
  if (redirect && !schemes.includes('https')) values.report(tls.https.redirect, speaks)
  else if (redirect && !schemes.includes('http'))
    values.report(tls.https.redirect, 'needs a plain address too, as in -b :443 -b http://:80')
  if (hsts !== null && !schemes.includes('https')) values.report(tls.https.hsts, speaks)
}
