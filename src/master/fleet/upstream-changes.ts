/**
 * What `jumak upstream` has changed about the servers of upstreams, on top of the configuration: servers that were added, are drained, or were
 * removed. Runs in the master, which remembers it over reloads, new gateways and upgrades, until the program ends. Pure.
 *
 * Invariants:
 * - The servers of the file are the base. A server that was added and is in a new file has the file's settings, and is no change any more. A
 *   change about a server or a group that is not there any more is forgotten.
 * - A change that cannot be made changes nothing, and says what there is.
 * - A group keeps a server that gets requests. Where a new file would leave none, the changes of that group are forgotten.
 * Bound: MAX_SERVERS in a group, as in a file; what is forgotten makes room.
 */
import { closest } from '../../base/closest.ts'
import type { UpstreamAction } from '../../control/admin-messages.ts'
import { type HandedOnChanges, readAdded } from '../../control/upgrade-messages.ts'
import type { Upstream, UpstreamServer } from '../../sites/upstream-model.ts'

/** Each choice of a server looks at all of them (`config/assemble-upstreams.ts`). */
const MAX_SERVERS = 256
/** Of the names in an error. */
const MAX_NAMED = 20

interface Changes {
  readonly added: ReadonlyMap<string, UpstreamServer>
  /** Labels. */
  readonly drained: ReadonlySet<string>
  /** Labels, of servers in the file. */
  readonly removed: ReadonlySet<string>
}

const NONE: Changes = { added: new Map(), drained: new Set(), removed: new Set() }

export interface WantedChange {
  readonly action: UpstreamAction
  readonly upstream: string
  readonly label: string
  /** To add. */
  readonly server?: UpstreamServer
}

/** A server, and where it stands. */
export interface ServerOrigin {
  readonly server: UpstreamServer
  readonly isAdded: boolean
  readonly isRemoved: boolean
}

export class UpstreamChanges {
  /** By the name of the group. */
  #changes: ReadonlyMap<string, Changes> = new Map()

  /** The groups with their servers as they should be now. `upstreams`: of the configuration. */
  apply(upstreams: readonly Upstream[]): readonly Upstream[] {
    if (this.#changes.size === 0) return upstreams
    return upstreams.map(one => (this.#changes.has(one.name) ? { ...one, servers: this.#present(one) } : one))
  }

  /** The configuration was read again. */
  configured(upstreams: readonly Upstream[]): void {
    const kept = new Map<string, Changes>()
    for (const { name, servers } of upstreams) {
      const before = this.#changes.get(name)
      if (before === undefined) continue
      const isInFile = (label: string) => servers.some(server => server.label === label)
      const added = new Map([...before.added].filter(([label]) => !isInFile(label)))
      const drained = new Set([...before.drained].filter(label => isInFile(label) || added.has(label)))
      const changes = { added, drained, removed: new Set([...before.removed].filter(isInFile)) }
      if (hasServing(presentOf(servers, changes))) kept.set(name, changes)
    }
    this.#changes = kept
  }

  /** For a new program: what has been changed of a group. */
  handOn(name: string): HandedOnChanges {
    const { added, drained, removed } = this.#of(name)
    return { name, added: [...added.values()], drained: [...drained], removed: [...removed] }
  }

  /** Names of groups that have changes. */
  get changed(): readonly string[] {
    return [...this.#changes.keys()]
  }

  /**
   * What the program that ran before has changed of a group. `configured` follows, as its file may have been another one. Returns labels of
   * servers that this version does not understand: they are not there.
   */
  inherit({ name, added, drained, removed }: HandedOnChanges): string[] {
    const unknown: string[] = []
    const servers = new Map<string, UpstreamServer>()
    for (const given of added) {
      const server = readAdded(given)
      if (server === null) unknown.push(String(given.label))
      else servers.set(server.label, server)
    }
    this.#changes = new Map(this.#changes).set(name, {
      added: servers,
      drained: new Set(drained),
      removed: new Set(removed),
    })
    return unknown
  }

  /** All servers of a group, those of the file first, removed ones too. */
  origins(upstream: Upstream): readonly ServerOrigin[] {
    const { added, drained, removed } = this.#of(upstream.name)
    const origin = (server: UpstreamServer, isAdded: boolean): ServerOrigin => ({
      server: drained.has(server.label) ? { ...server, isDraining: true } : server,
      isAdded,
      isRemoved: removed.has(server.label),
    })
    return [...upstream.servers.map(one => origin(one, false)), ...[...added.values()].map(one => origin(one, true))]
  }

  /** Returns why it cannot be made; null: it was made. */
  change(upstreams: readonly Upstream[], { action, upstream: name, label, server }: WantedChange): string | null {
    const upstream = upstreams.find(one => one.name === name)
    if (upstream === undefined) return unknownGroup(name, upstreams)
    if (upstream.isSingle)
      return `${name} is the server of a location, and no group: give it an [[upstream]] in the file, and the location the name of that`
    const all = this.origins(upstream)
    const present = all.filter(one => !one.isRemoved)
    const known = present.find(one => one.server.label === label)
    if (action === 'add') {
      if (known !== undefined && !known.server.isDraining)
        return `${label} is in ${name} already${known.isAdded ? ': remove it first, to give it other settings' : ', by the file: change its settings there'}`
      if (known === undefined && present.length >= MAX_SERVERS) return `${name} has ${MAX_SERVERS} servers: no more fit`
    } else if (known === undefined) return unknownServer(label, name, present)
    const before = this.#of(name)
    const [added, drained, removed] = [new Map(before.added), new Set(before.drained), new Set(before.removed)]
    const isInFile = upstream.servers.some(one => one.label === label)
    if (action === 'add') {
      drained.delete(label)
      removed.delete(label)
      if (!isInFile && server !== undefined) added.set(label, server)
    } else if (action === 'drain') drained.add(label)
    else {
      drained.delete(label)
      added.delete(label)
      if (isInFile) removed.add(label)
    }
    const changes = { added, drained, removed }
    if (action !== 'add' && !hasServing(presentOf(upstream.servers, changes)))
      return `${name} would have no server that gets requests: add another one first`
    this.#changes = new Map(this.#changes).set(name, changes)
    return null
  }

  #of(name: string): Changes {
    return this.#changes.get(name) ?? NONE
  }

  #present(upstream: Upstream): UpstreamServer[] {
    return presentOf(upstream.servers, this.#of(upstream.name))
  }
}

function presentOf(servers: readonly UpstreamServer[], { added, drained, removed }: Changes): UpstreamServer[] {
  return [...servers, ...added.values()]
    .filter(({ label }) => !removed.has(label))
    .map(one => (drained.has(one.label) ? { ...one, isDraining: true } : one))
}

function hasServing(servers: readonly UpstreamServer[]): boolean {
  return servers.some(({ isDown, isBackup, isDraining }) => !isDown && !isBackup && !isDraining)
}

export function unknownGroup(name: string, upstreams: readonly Upstream[]): string {
  const groups = upstreams.filter(({ isSingle }) => !isSingle).map(one => one.name)
  if (groups.length === 0) return `there is no upstream '${name}': no location passes requests on to an [[upstream]]`
  return `there is no upstream '${name}'${hint(name, groups, 'upstreams')}`
}

function unknownServer(label: string, name: string, present: readonly ServerOrigin[]): string {
  const labels = present.map(({ server }) => server.label)
  return `${name} has no server '${label}'${hint(label, labels, 'servers')}`
}

function hint(typed: string, known: readonly string[], what: string): string {
  const meant = closest(typed, known)
  const named = `the ${what} are ${known.slice(0, MAX_NAMED).join(', ')}${known.length > MAX_NAMED ? ', …' : ''}`
  return meant === null ? `; ${named}` : `; did you mean ${meant}? ${named[0]!.toUpperCase()}${named.slice(1)}`
}
