/**
 * The model of sites: which names, which places below them, and what is done there. Plain frozen data, made when the configuration is
 * loaded and sent to the gateway, which compiles it (`routing/`). Its meaning is nginx's: the name of the nginx directive stands with each
 * field. Types only. Notations (`jumak.toml`, later `nginx.conf`) are read into it; inheritance is resolved by then, so each
 * location has all that is in force in it (`config/assemble-sites.ts`).
 *
 * Text in the model is bytes: each character is the latin-1 character of a byte, as in a request's decoded path.
 */

import type { Place, Template } from './place.ts'
import type { ProxySettings, ProxyTarget, Upstream } from './upstream-model.ts'

export type { Place, Template }

/** A regular expression in PCRE's notation. */
export interface PatternText {
  readonly source: string
  readonly ignoresCase: boolean
}

export interface SitesModel {
  /** In the order of the configuration. Empty: requests are routed by the applications' own hosts and paths. */
  readonly sites: readonly Site[]
  /** `map`. */
  readonly maps: readonly VariableMap[]
  /** `upstream`, and the servers that locations name themselves. */
  readonly upstreams: readonly Upstream[]
}

/** `server`. */
export interface Site {
  /** For messages and the log: its first name, or `site 2`. */
  readonly label: string
  /** Addresses as `formatBind` gives them. Empty: every listener. `listen` */
  readonly listen: readonly string[]
  /** `server_name` */
  readonly names: readonly SiteName[]
  /** For requests whose host nobody names. `listen … default_server` */
  readonly isDefault: boolean
  /** Run before a location is chosen. */
  readonly rewrites: readonly RewriteStep[]
  /** Nothing else matched. It has an empty prefix, and the site's settings. */
  readonly root: Location
  readonly locations: readonly Location[]
  readonly place: Place
}

export type SiteName =
  /** Lower case, without port: `shop.example.kr`. Empty: requests without a host. */
  | { readonly kind: 'exact'; readonly name: string }
  /** `*.example.kr` → `.example.kr`: what is before it is not empty. */
  | { readonly kind: 'suffix'; readonly name: string }
  /** `www.*` → `www.`. */
  | { readonly kind: 'prefix'; readonly name: string }
  | { readonly kind: 'regex'; readonly pattern: PatternText }

/** `location` */
export type Match =
  /** `= /x` */
  | { readonly kind: 'exact'; readonly path: string }
  /** `/x`; `beatsRegex`: `^~ /x` */
  | { readonly kind: 'prefix'; readonly path: string; readonly beatsRegex: boolean }
  /** `~ x`, `~* x` */
  | { readonly kind: 'regex'; readonly pattern: PatternText }
  /** `@x`: only by its name. */
  | { readonly kind: 'named'; readonly name: string }

export interface Location {
  readonly match: Match
  /** Only requests that the program itself sent there. `internal` */
  readonly isInternal: boolean
  /** Run when the location is chosen. */
  readonly rewrites: readonly RewriteStep[]
  /** Empty: nothing is tried before the handler. `try_files` */
  readonly tryFiles: readonly TryFile[]
  readonly handler: LocationHandler
  readonly settings: LocationSettings
  /** Nested ones. */
  readonly locations: readonly Location[]
  readonly place: Place
}

/** The last one is where it ends if no file is there. */
export type TryFile =
  /** Below the location's directory. */
  | { readonly kind: 'file' | 'directory'; readonly path: Template }
  /** Of the same site, searched again. May have a query. */
  | { readonly kind: 'uri'; readonly uri: Template }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'status'; readonly status: number }

export type LocationHandler =
  /** `name`: of an application. */
  | { readonly kind: 'app'; readonly name: string }
  /** Files below `settings.root`, or as `alias` says. */
  | { readonly kind: 'files'; readonly alias: Alias | null }
  /** Requests are passed on to other servers. */
  | ({ readonly kind: 'proxy' } & ProxyTarget)
  /** Nothing is here: 404. */
  | { readonly kind: 'none' }

/** `alias` */
export interface Alias {
  /** Stands for `prefix`. */
  readonly path: Template
  /** Of the location that it was written in. Null: that is a regular expression, and `path` is the whole name. */
  readonly prefix: string | null
}

/** What a location inherits from its site, and a site from the top: the nearest value as a whole. */
export interface LocationSettings {
  /** Directory of files; null: none was named. `root` */
  readonly root: Template | null
  /** Names of files that stand for their directory. `index` */
  readonly index: readonly Template[]
  /** A directory without such a file is listed. `autoindex` */
  readonly autoindex: 'off' | 'html' | 'json'
  /** `add_header` */
  readonly addHeaders: readonly AddedHeader[]
  /** `expires` */
  readonly expires: Expires
  /** `error_page` */
  readonly errorPages: readonly ErrorTarget[]
  /** Errors of an application or an upstream have `errorPages`, too. `proxy_intercept_errors` */
  readonly interceptsErrors: boolean
  /** Media type by extension, lower case, without dot; null: the usual ones. `types` */
  readonly types: Readonly<Record<string, string>> | null
  /** `default_type` */
  readonly defaultType: string
  /** Empty: none is added. `charset` */
  readonly charset: string
  /** `etag` */
  readonly etag: boolean
  /** Bytes of content; null: what the application allows. `client_max_body_size` */
  readonly bodyLimit: number | null
  /** Location has the host in it. `absolute_redirect` */
  readonly absoluteRedirect: boolean
  /** … and the port. `port_in_redirect` */
  readonly portInRedirect: boolean
  readonly proxy: ProxySettings
}

export interface AddedHeader {
  readonly name: string
  readonly value: Template
  /** On every response, not only on successful ones and redirects. */
  readonly always: boolean
}

export type Expires =
  /** No field is changed; a file's own response has none. */
  | { readonly kind: 'off' }
  /** A file's response says what its name tells: for a year with a hash of the content in it, else `no-cache`. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'epoch' }
  | { readonly kind: 'max' }
  /** Seconds, may be negative. `modified`: counted from the file's date. */
  | { readonly kind: 'after'; readonly seconds: number; readonly modified: boolean }

/** What an error becomes. */
export interface ErrorTarget {
  readonly statuses: readonly number[]
  /** Null: the status stays. 0: the status of the page's own response. */
  readonly becomes: number | null
  /** A path, a URL, or `@name`. */
  readonly target: Template
}

export type RewriteStep =
  | {
      readonly kind: 'rewrite'
      readonly pattern: PatternText
      /** A question mark at its end leaves out the request's own query. */
      readonly to: Template
      /** What comes then: the next step; a new search; no more steps here; an answer. */
      readonly flag: 'next' | 'last' | 'break' | 'redirect' | 'permanent'
    }
  /** `text`: content, or the URL of a redirect. */
  | { readonly kind: 'return'; readonly status: number; readonly text: Template | null }
  | { readonly kind: 'set'; readonly name: string; readonly value: Template }
  | { readonly kind: 'break' }
  | { readonly kind: 'if'; readonly condition: Condition; readonly steps: readonly RewriteStep[] }

export type Condition =
  /** Neither empty nor `0`. */
  | { readonly kind: 'true'; readonly value: Template }
  | { readonly kind: 'equal'; readonly value: Template; readonly to: Template; readonly not: boolean }
  | { readonly kind: 'matches'; readonly value: Template; readonly pattern: PatternText; readonly not: boolean }

/** A variable whose value depends on another text. `map` */
export interface VariableMap {
  readonly name: string
  readonly from: Template
  readonly default: Template
  /** Lower case. */
  readonly exact: Readonly<Record<string, Template>>
  /** The longest suffix or prefix wins: `*.example.kr` → `.example.kr`. Only with `hostnames`. */
  readonly suffixes: Readonly<Record<string, Template>>
  readonly prefixes: Readonly<Record<string, Template>>
  readonly patterns: readonly { readonly pattern: PatternText; readonly value: Template }[]
  readonly place: Place
}
