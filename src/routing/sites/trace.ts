/**
 * What a site decides about one request, one decision after the other: for `jumak explain`. While the gateway serves there is no trace, and
 * each decision costs one comparison. Types only.
 *
 * Texts are bytes, as in the model. Whoever shows them escapes them.
 */
import type { LimitUse, LocationHandler, LocationSettings, Place, RequestLimit } from '../../sites/model.ts'

/** A compiled site or location, as far as it is told. */
export interface TracedSite {
  readonly label: string
  readonly place: Place
}

export interface TracedLocation extends TracedSite {
  readonly beatsRegex: boolean
  readonly isInternal: boolean
  readonly handler: LocationHandler
  readonly settings: Pick<LocationSettings, 'compression'>
  readonly tryFiles: readonly object[]
  readonly locations: object | null
}

export type Decision =
  /** `name`: the one of the site's names that matched, as it is written; empty: none. */
  | {
      readonly kind: 'site'
      readonly site: TracedSite
      readonly how: 'exact' | 'suffix' | 'prefix' | 'regex' | 'default'
      readonly name: string
    }
  /** A location is searched for this path. */
  | { readonly kind: 'search'; readonly uri: string }
  /** A prefix that the path has, but a longer one too. */
  | { readonly kind: 'shorter'; readonly location: TracedLocation }
  /** The longest prefix, but a regular expression comes before it. */
  | { readonly kind: 'beaten'; readonly location: TracedLocation }
  /** A regular expression was tried. */
  | { readonly kind: 'pattern'; readonly location: TracedLocation; readonly matches: boolean }
  /** `none`: no location has the path, and the site itself answers. `slash`: only with a slash at its end. */
  | {
      readonly kind: 'location'
      readonly location: TracedLocation
      readonly how: 'exact' | 'slash' | 'prefix' | 'regex' | 'named' | 'none'
    }
  /** `pattern`: as it is written. `uri`, `args`: afterwards. */
  | {
      readonly kind: 'rewrite'
      readonly pattern: string
      readonly matches: boolean
      readonly uri: string
      readonly args: string
      readonly place: Place
    }
  /** `condition`: as it is written. `file`: the name that was looked at; null: it is about something else. */
  | {
      readonly kind: 'if'
      readonly condition: string
      readonly holds: boolean
      readonly file: string | null
      readonly place: Place
    }
  | { readonly kind: 'set'; readonly name: string; readonly value: string; readonly place: Place }
  /** A variable that is computed was needed: `text` was looked up. */
  | {
      readonly kind: 'lookup'
      readonly of: 'map' | 'geo' | 'split'
      readonly name: string
      readonly text: string
      readonly value: string
      readonly place: Place
    }
  | { readonly kind: 'break'; readonly place: Place }
  | { readonly kind: 'return'; readonly status: number; readonly text: string | null; readonly place: Place }
  /** A limit of the location; nobody is counted while it is explained. `isCounted`: its key is not empty. */
  | { readonly kind: 'limit'; readonly use: LimitUse; readonly limit: RequestLimit; readonly isCounted: boolean }
  /** Who is let in. `what`: as it is written. `assumed`: only the running program knows. */
  | { readonly kind: 'access'; readonly what: string; readonly result: 'in' | 'refused' | 'none' | 'assumed' }
  /** Of `try_files`, and of the index of a directory. `file`: the whole name; empty: the path can be no file here. */
  | {
      readonly kind: 'try'
      readonly what: 'file' | 'directory'
      readonly of: 'try-files' | 'index'
      readonly uri: string
      readonly file: string
      readonly isThere: boolean
    }
  /** Nothing was there, and this is the last entry: `/index.html`, `@app`, `=404`. */
  | { readonly kind: 'last-try'; readonly to: string }
  /** The request goes through the site again. `to`: a path with its query, or `@name`. */
  | { readonly kind: 'internal-redirect'; readonly to: string }
  | { readonly kind: 'error-page'; readonly status: number; readonly becomes: number | null; readonly to: string }
  /** What answers, with what the request is by then. `file`: the whole name, if files answer here; empty: it can be no file. */
  | {
      readonly kind: 'handler'
      readonly location: TracedLocation
      readonly uri: string
      readonly args: string
      readonly file: string
    }

export type Trace = (decision: Decision) => void
