/**
 * What a site decides about one request, one decision after the other: for `jumak explain`. While the gateway serves there is no trace, and
 * each decision costs one comparison. Types only.
 *
 * Texts are bytes, as in the model. Whoever shows them escapes them.
 */
import type { CompiledLocation, CompiledSite } from './site-request.ts'

export type Decision =
  /** `name`: the one of the site's names that matched, as it is written; empty: none. */
  | {
      readonly kind: 'site'
      readonly site: CompiledSite
      readonly how: 'exact' | 'suffix' | 'prefix' | 'regex' | 'default'
      readonly name: string
    }
  /** A location is searched for this path. */
  | { readonly kind: 'search'; readonly uri: string }
  /** A prefix that the path has, but a longer one too. */
  | { readonly kind: 'shorter'; readonly location: CompiledLocation }
  /** A regular expression was tried. */
  | { readonly kind: 'pattern'; readonly location: CompiledLocation; readonly matches: boolean }
  /** `none`: no location has the path, and the site itself answers. `slash`: only with a slash at its end. */
  | {
      readonly kind: 'location'
      readonly location: CompiledLocation
      readonly how: 'exact' | 'slash' | 'prefix' | 'regex' | 'named' | 'none'
    }
  /** `pattern`: as it is written. `uri`, `args`: afterwards. */
  | {
      readonly kind: 'rewrite'
      readonly pattern: string
      readonly matches: boolean
      readonly uri: string
      readonly args: string
    }
  /** `condition`: as it is written. */
  | { readonly kind: 'if'; readonly condition: string; readonly holds: boolean }
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'return'; readonly status: number; readonly text: string | null }
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
  /** What answers, with `request.uri` at this moment. */
  | { readonly kind: 'handler'; readonly location: CompiledLocation; readonly uri: string; readonly args: string }

export type Trace = (decision: Decision) => void
