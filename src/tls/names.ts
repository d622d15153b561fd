/**
 * Which `[[tls]]` entry a name has: for the name that a client asks for (SNI), and for the Host of a request (421). Runs in the gateway.
 * A look-up takes the same time however many entries there are.
 */
import { splitAuthority } from '../http/authority.ts'

/** What the look-up needs of a `GatewayTlsEntry`. */
export interface NamedEntry {
  /** Lower case: `example.kr`, `*.example.kr`. */
  readonly names: readonly string[]
  readonly isDefault: boolean
}

const WILDCARD = '*.'
/** The bound of `routing/hosts.ts`: a longer name is no application's. */
const MAX_NAME = 255

export class EntryNames<Entry extends NamedEntry> {
  readonly #exact = new Map<string, Entry>()
  /** `*.example.kr` is here as `example.kr`. */
  readonly #wildcards = new Map<string, Entry>()
  readonly #default: Entry | null

  /** A name that two entries have is the first one's. */
  constructor(entries: readonly Entry[]) {
    this.#default = entries.find(entry => entry.isDefault) ?? null
    for (const entry of entries)
      for (const name of entry.names) {
        const isWildcard = name.startsWith(WILDCARD)
        const key = isWildcard ? name.slice(WILDCARD.length) : name
        const map = isWildcard ? this.#wildcards : this.#exact
        if (!map.has(key)) map.set(key, entry)
      }
  }

  /**
   * `name`: lower case, without a dot at its end; empty: the client names nobody. The entry that has exactly this name, else the one
   * with a wildcard in place of its first label (RFC9525§6.3), else the default one. Null: there is none, so refuse the client.
   */
  find(name: string): Entry | null {
    return this.#findNamed(name) ?? this.#default
  }

  #findNamed(name: string): Entry | null {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    const dot = name.indexOf('.')
    // The wildcard stands for one whole label, which is not empty.
    return (dot > 0 ? this.#wildcards.get(name.slice(dot + 1)) : undefined) ?? null
  }

  /**
   * `authority`: of a request, as in `Example.KR:8443`. The entry whose rules its host has: as `find`, but that `*.example.kr` is for names of any
   * depth, as it is for an application. So a name that no certificate is for does not get by with the rules of the default entry.
   */
  findHost(authority: string): Entry | null {
    const name = nameOf(splitAuthority(authority).host)
    return this.#findNamed(name) ?? this.#findAbove(name) ?? this.#default
  }

  #findAbove(name: string): Entry | null {
    if (this.#wildcards.size === 0 || name.length > MAX_NAME) return null
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const found = this.#wildcards.get(name.slice(dot + 1))
      if (found !== undefined) return found
    }
    return null
  }

  /** The host of the authority, as in a URL, if an entry has its name; null: none has, whatever the default entry is. */
  namedHost(authority: string): string | null {
    const { host } = splitAuthority(authority)
    return this.#findNamed(nameOf(host)) === null ? null : host.toLowerCase()
  }
}

/** Lower case, without the brackets of an IPv6 address, and without a dot at its end. */
function nameOf(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, -1) : host
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}
