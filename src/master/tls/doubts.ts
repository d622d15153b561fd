/**
 * What is right about TLS and may not be meant: an entry that no client gets, a name that no application has, a key that an application may read, a path that another
 * user may change. Runs in the master, at the start and at HUP, and in the command line (`--check`).
 *
 * Not here: what is doubtful about a file by itself (`entry.ts`).
 */
import { closeSync, constants, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AppConfig, Config, Identity, TlsEntry } from '../../config/types.ts'
import { describeIdentity, runAs } from '../host/identity.ts'
import { stepOfOthers } from '../host/safe-path.ts'
import { listed } from './findings.ts'
import { openMemory } from './key-memory.ts'
import { uncoveredNames } from './uncovered-names.ts'

/** `names`: those that the entry has, or its certificates. */
export interface NamedEntry {
  readonly entry: TlsEntry
  readonly names: readonly string[]
}

export function doubtsOf(config: Config, entries: readonly NamedEntry[]): string[] {
  const { apps } = config
  const files = entries.map(({ entry }) => entry)
  // Without root all processes are of one user.
  const ofRights =
    process.geteuid?.() === 0 ? [...readableKeys(files, apps), ...changeablePaths(files), ...openMemory(config)] : []
  return [
    ...hiddenEntries(entries),
    ...unservedNames(entries, hostsOf(config)),
    ...uncoveredNames(entries, config),
    ...ofRights,
  ]
}

/** Entries that no client gets. RSA and ECDSA in two entries are a usual mistake. */
export function hiddenEntries(entries: readonly NamedEntry[]): string[] {
  const taken = new Set<string>()
  return entries.flatMap(({ entry, names }) => {
    const isHidden = names.length > 0 && !entry.isDefault && names.every(name => taken.has(name))
    for (const name of names) taken.add(name)
    if (!isHidden) return []
    return [
      `${entry.origin}: no client gets its certificate: entries before it have ${listed(names)} already. RSA and ECDSA belong into one entry: cert and key take lists`,
    ]
  })
}

/** What has hosts: applications, or sites where there are any. */
export interface Hosts {
  readonly what: 'application' | 'site'
  /** `shop.kr`, `*.shop.kr`. Null: all, or those of a pattern. */
  readonly hosts: readonly string[] | null
}

export function hostsOf({ apps, sites }: Pick<Config, 'apps' | 'sites'>): Hosts {
  if (sites.sites.length === 0) {
    const isForAll = apps.some(({ hosts }) => hosts.length === 0)
    return { what: 'application', hosts: isForAll ? null : apps.flatMap(app => app.hosts) }
  }
  const hosts: string[] = []
  for (const { names } of sites.sites) {
    if (names.length === 0) return { what: 'site', hosts: null }
    for (const name of names) {
      if (name.kind === 'regex' || name.kind === 'prefix') return { what: 'site', hosts: null }
      // Empty: for requests without a host.
      if (name.name !== '') hosts.push(name.kind === 'suffix' ? `*${name.name}` : name.name)
    }
  }
  return { what: 'site', hosts }
}

/** In the order of the entries. */
export function unservedNames(entries: readonly NamedEntry[], { what, hosts }: Hosts): string[] {
  if (hosts === null) return []
  const served = {
    exact: new Set(hosts.filter(host => !host.startsWith('*')).map(withoutBrackets)),
    // `*.example.kr` of an application is for names of any depth.
    suffixes: new Set(hosts.filter(host => host.startsWith('*')).map(host => host.slice(1))),
    // `*.example.kr` of a certificate is for one label.
    parents: new Set(hosts.map(host => host.slice(Math.max(0, host.indexOf('.'))))),
  }
  return entries.flatMap(({ entry, names }) => {
    const unserved = names.filter(name => !isServed(name, served))
    return unserved.length === 0 ? [] : [`${entry.origin}: no ${what} has the host ${listed(unserved)}`]
  })
}

function isServed(
  name: string,
  {
    exact,
    suffixes,
    parents,
  }: {
    readonly exact: ReadonlySet<string>
    readonly suffixes: ReadonlySet<string>
    readonly parents: ReadonlySet<string>
  },
): boolean {
  if (exact.has(name) || (name.startsWith('*') && parents.has(name.slice(1)))) return true
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
    if (suffixes.has(name.slice(dot))) return true
  return false
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

/** Keys, and their passwords, that an application could read by itself. */
function readableKeys(entries: readonly TlsEntry[], apps: readonly AppConfig[]): string[] {
  const users = new Map<string, Identity>()
  for (const { identity } of apps)
    if (identity !== null && identity.uid !== 0) users.set(`${identity.uid} ${identity.gid}`, identity)
  const files = new Set(
    entries.flatMap(({ certificates, keyPasswordFile }) => [
      ...certificates.map(({ key }) => key),
      ...(keyPasswordFile === null ? [] : [keyPasswordFile]),
    ]),
  )
  return [...files].flatMap(file => {
    const user = [...users.values()].find(one => runAs(one, () => isReadable(file)))
    return user === undefined
      ? []
      : [`${file}: ${describeIdentity(user)}, as whom an application runs, may read it: chown root, chmod 600`]
  })
}

/** Not `access`, which asks for the rights that the process was started with. */
function isReadable(file: string): boolean {
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK))
    return true
  } catch {
    return false
  }
}

/** Whoever can change a step of a path decides whose key is served, and which clients are believed. One step in a directory is told. */
function changeablePaths(entries: readonly TlsEntry[]): string[] {
  const told = new Set<string>()
  const warnings: string[] = []
  for (const { certificates, clients } of entries) {
    const files = certificates.flatMap(({ certificate, key }) => [certificate, key])
    if (clients !== null) files.push(clients.authorities, ...(clients.revoked === null ? [] : [clients.revoked]))
    for (const file of files) {
      const step = changeableStep(file)
      if (step === null || told.has(dirname(step))) continue
      told.add(dirname(step))
      const what = step === file ? 'it' : step
      warnings.push(
        `${file}: another user than root may change ${what}, and so decide what is served: chown root, chmod go-w`,
      )
    }
  }
  return warnings
}

/** Null: there is none, or the file has just gone. */
function changeableStep(file: string): string | null {
  try {
    return stepOfOthers(file)
  } catch {
    return null
  }
}
