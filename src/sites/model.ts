/**
 * The model of sites: which names, which places below them, and what is done there. Plain frozen data, made when the configuration is
 * loaded and sent to the gateway, which compiles it (`routing/`). Its meaning is nginx's: the name of the nginx directive stands with each
 * field. Types only. Notations (`jumak.toml`, later `nginx.conf`) are read into it; inheritance is resolved by then, so each
 * location has all that is in force in it (`config/assemble-sites.ts`).
 *
 * Text in the model is bytes: each character is the latin-1 character of a byte, as in a request's decoded path.
 */

import type { PatternText, Place, Template } from './place.ts'
import type {
  CgiProgram,
  CgiSettings,
  ParamSettings,
  ProxySettings,
  ProxyTarget,
  ServerProtocol,
  Upstream,
  UpstreamTls,
} from './upstream-model.ts'

export type { PatternText, Place, Template }

export interface SitesModel {
  /** In the order of the configuration. Empty: requests are routed by the applications' own hosts and paths. */
  readonly sites: readonly Site[]
  /** `map`. */
  readonly maps: readonly VariableMap[]
  /** `upstream`, and the servers that locations name themselves. */
  readonly upstreams: readonly Upstream[]
  /** By the numbers in the settings of locations. Empty: none is asked by TLS. */
  readonly upstreamTls: readonly UpstreamTls[]
  /** Files of `auth_basic_user_file`, as they were when the configuration was loaded. */
  readonly passwordFiles: readonly PasswordFile[]
  /** `geo`. */
  readonly geos: readonly AddressMap[]
  /** `split_clients`. */
  readonly splits: readonly SplitMap[]
  readonly limits: readonly RequestLimit[]
  readonly logs: readonly SiteLog[]
  /** For the master: the spawner runs them. */
  readonly cgiPrograms: readonly CgiProgram[]
}

export interface PasswordFile {
  readonly file: string
  readonly users: readonly { readonly name: string; readonly hash: string }[]
}

/** `limit_req_zone`, `limit_conn_zone`: what is counted for each key. */
export interface RequestLimit {
  readonly name: string
  /** Requests with the same text are counted together; with an empty one they are not. */
  readonly key: Template
  readonly of: /** Microseconds from one request to the next. */
    | { readonly kind: 'rate'; readonly interval: number }
    /** How many run at once. */
    | { readonly kind: 'connections'; readonly most: number }
  readonly place: Place
}

/** `log_format` with its `access_log`: a log that locations may have. */
export interface SiteLog {
  readonly name: string
  readonly target: /** Absolute path, or `-`: standard output. */
    | { readonly kind: 'file'; readonly path: string }
    /** A syslog server. */
    | { readonly kind: 'udp' | 'tcp'; readonly host: string; readonly port: number }
    | { readonly kind: 'unix'; readonly path: string }
  readonly format: Template
  readonly escape: 'default' | 'json' | 'none'
  /** Requests for which it is empty or `0` have no line; null: all have one. `if=` */
  readonly condition: Template | null
  /** One request of so many has a line; 0: none. */
  readonly sample: number
  /** Those with this status or above have a line whatever `condition` and `sample` say; 0: none. */
  readonly alwaysStatus: number
  /** The same for those that took so many milliseconds; 0: none. */
  readonly alwaysSlow: number
  readonly place: Place
}

/** `limit_req`, `limit_conn`: a limit that a location has. */
export interface LimitUse {
  readonly name: string
  /** So many requests may come too soon. `burst` */
  readonly burst: number
  /** So many of these are served at once; the others wait. `nodelay`: all of them. `delay` */
  readonly delay: number
  /** Of the answer to those that are refused. `limit_req_status` */
  readonly status: number
  /** Nobody is refused and nobody waits: it is only told. `limit_req_dry_run` */
  readonly isDryRun: boolean
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
  /** A run of slashes in a path is one. `merge_slashes` */
  readonly mergesSlashes: boolean
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
  /** Who is let in with other methods than these; null: as with all methods. `limit_except` */
  readonly limitExcept: LimitExcept | null
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
  /** Requests are passed on as variables: `fastcgi_pass`, `scgi_pass`, `uwsgi_pass`. */
  | { readonly kind: ServerProtocol; readonly upstream: string }
  /** CGI programs. `program`: the key of one of `cgiPrograms`; `prefix`: what it stands for, without a slash at its end. */
  | { readonly kind: 'cgi'; readonly upstream: string; readonly program: string; readonly prefix: string }
  /** What the connections of the program do, as text or JSON. `stub_status` */
  | { readonly kind: 'status'; readonly form: 'text' | 'json' }
  /** Nothing is here: 404. */
  | { readonly kind: 'none' }

/** `alias` */
export interface Alias {
  /** Stands for `prefix`. */
  readonly path: Template
  /** Of the location that it was written in. Null: that is a regular expression, and `path` is the whole name. */
  readonly prefix: string | null
}

export interface LimitExcept {
  /** In capitals. With GET comes HEAD. */
  readonly methods: readonly string[]
  readonly access: Access
}

/** Who is let in. */
export interface Access {
  /** `allow`, `deny`: the first that has the client's address decides. */
  readonly rules: readonly AccessRule[]
  /** All that is asked must let the client in, or any of it. `satisfy` */
  readonly satisfy: 'all' | 'any'
  /** Realm; null: no password is asked for. `auth_basic` */
  readonly basic: Template | null
  /** `file` of one of the `passwordFiles`; null only where `basic` is. `auth_basic_user_file` */
  readonly users: string | null
  /** Path of the same site, as bytes; null: no other location is asked. `auth_request` */
  readonly request: string | null
  /** Variables that are set afterwards: the values are of that location's response. `auth_request_set` */
  readonly requestSets: readonly { readonly name: string; readonly value: Template }[]
}

/** Which pages may lead to a location. */
export interface ValidReferers {
  /** Requests without the field. */
  readonly none: boolean
  /** Requests whose field has no http:// or https://: a firewall has taken it away. */
  readonly blocked: boolean
  /** `path`: beginning of the page's path; empty: all. Names as of a site. */
  readonly hosts: readonly {
    readonly kind: 'exact' | 'suffix' | 'prefix'
    readonly name: string
    readonly path: string
  }[]
  /** Of the URL without its scheme. */
  readonly patterns: readonly PatternText[]
}

export interface AccessRule {
  readonly allows: boolean
  /** An address, a range, `unix`, or `all`. */
  readonly from: string
}

/** What a location inherits from its site, and a site from the top: the nearest value as a whole. */
export interface LocationSettings {
  readonly access: Access
  /** The link that a request has, as in `$arg_md5,$arg_expires`; null: links are not checked. `secure_link` */
  readonly secureLink: Template | null
  /** What its hash must be of; null only where `secureLink` is. `secure_link_md5` */
  readonly secureLinkMd5: Template | null
  /** Null: any page may lead here. `valid_referers` */
  readonly validReferers: ValidReferers | null
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
  /** Which date of If-Modified-Since makes 304. `if_modified_since` */
  readonly ifModifiedSince: 'before' | 'exact' | 'off'
  /** Which symbolic links below the directory are no files. `outside`: those that leave it. `disable_symlinks` */
  readonly disableSymlinks: 'outside' | 'on' | 'off'
  readonly compression: Compression
  /** `[name, value, …]` for all responses that have no such field. */
  readonly standardHeaders: readonly string[]
  /** Null: pages of other sites get what they get from the application. */
  readonly cors: Cors | null
  /** What is added to cookies that have not said it; the first that names a cookie counts. */
  readonly cookieFlags: readonly CookieFlags[]
  readonly limits: readonly LimitUse[]
  /** Names of logs, `access` is the program's own; null: that alone. `access_log` */
  readonly logs: readonly string[] | null
  /** Bytes of content; null: what the application allows. `client_max_body_size` */
  readonly bodyLimit: number | null
  /** Bytes a second for each response; null, or nothing that is a size: as fast as the client takes it. `limit_rate` */
  readonly limitRate: Template | null
  /** Bytes that come before it counts. `limit_rate_after` */
  readonly limitRateAfter: Template | null
  /** Milliseconds until an application begins its response, and between parts; 0: any time; null: as the application says. `proxy_read_timeout` */
  readonly timeout: number | null
  /** An application gets a request when its content is complete; null: as the application says. `proxy_request_buffering` */
  readonly requestBuffering: boolean | null
  /** Location has the host in it. `absolute_redirect` */
  readonly absoluteRedirect: boolean
  /** … and the port. `port_in_redirect` */
  readonly portInRedirect: boolean
  readonly proxy: ProxySettings
  readonly params: ParamSettings
  readonly cgi: CgiSettings
}

/** What is compressed for clients that want it. */
export interface Compression {
  /** Files, each once. */
  readonly files: boolean
  /** Responses of applications, and what the program answers by itself. `gzip` */
  readonly responses: boolean
  /** At least one. Of those that a client wants equally the first is taken; of files, which are compressed once, the smallest. */
  readonly codings: readonly CompressionCoding[]
  /** Media types in lower case: `text/css`, `text/*`, `*`. `gzip_types` */
  readonly types: readonly string[]
  /** Bytes of content; what is shorter is sent as it is. `gzip_min_length` */
  readonly minLength: number
}

export type CompressionCoding = 'zstd' | 'br' | 'gzip'

export interface AddedHeader {
  readonly name: string
  readonly value: Template
  /** On every response, not only on successful ones and redirects. */
  readonly always: boolean
}

/** Which pages of other sites may read responses here, and what they may ask: CORS (Fetch Standard §3.2). */
export interface Cors {
  /** `https://app.example.kr`; `https://*.example.kr`; `*`: all. */
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  /** Of requests. */
  readonly headers: readonly string[]
  /** Of responses; those that every page may read are left out. */
  readonly exposed: readonly string[]
  /** With the client's cookies. */
  readonly credentials: boolean
  /** Seconds that a browser keeps the answer to a preflight. */
  readonly maxAge: number
}

/** `proxy_cookie_flags` */
export interface CookieFlags {
  /** Null: all cookies. */
  readonly name: string | null
  /** As in Set-Cookie: `Secure`, `HttpOnly`, `SameSite=Lax`. */
  readonly flags: readonly string[]
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

export type RewriteStep = RewriteAction & { readonly place: Place }

export type RewriteAction =
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
  /** Whether something is on the disk, links followed: `-f`, `-d`, `-e`, `-x`. `path`: absolute. */
  | {
      readonly kind: 'file'
      readonly path: Template
      readonly test: 'file' | 'directory' | 'exists' | 'executable'
      readonly not: boolean
    }

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

/** A variable whose value depends on the network of an address. The longest prefix wins. `geo` */
export interface AddressMap {
  readonly name: string
  /** An address; what is none counts as 255.255.255.255. */
  readonly from: Template
  readonly default: string
  /** By `10.0.0.0/8`, `2001:db8::/32`, or an address. Plain texts. */
  readonly networks: Readonly<Record<string, string>>
  readonly place: Place
}

/** A variable that divides clients: the same text has the same value always. `split_clients` */
export interface SplitMap {
  readonly name: string
  /** What is hashed. */
  readonly from: Template
  /** In their order. What is left of them has an empty value. */
  readonly parts: readonly SplitPart[]
  readonly place: Place
}

export interface SplitPart {
  /** Hundredths of a percent, 1 to 10,000; null: all that is left. */
  readonly share: number | null
  /** Plain text. */
  readonly value: string
}
