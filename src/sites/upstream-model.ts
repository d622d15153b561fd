/**
 * The model of upstreams: groups of servers that requests are passed on to, and what a location says of that. Plain frozen data, as the rest of
 * the model (`model.ts`), with the name of nginx's directive where there is one. Types only.
 */
import type { PatternText, Place, Template } from './place.ts'

/** `upstream`; or one server that a location names itself. */
export interface Upstream {
  /** As locations and the log name it. */
  readonly name: string
  /** What its servers speak. */
  readonly protocol: UpstreamProtocol
  readonly servers: readonly UpstreamServer[]
  readonly balance: Balance
  /** What `hash` looks at; null: another method. */
  readonly hashKey: Template | null
  /** Connections of each thread that wait, for each server. `keepalive` */
  readonly keepalive: number
  /** Milliseconds that one waits. `keepalive_timeout` */
  readonly keepaliveTimeout: number
  /** Milliseconds that a request may wait for its turn; 0: any time. Only the spawner of CGI programs tells when that is. */
  readonly queueTimeout: number
  /** Requests that wait while all servers have `max_conns`; null: none does. `queue` */
  readonly queue: QueueSettings | null
  /** How clients stay with their servers; null: any server answers any client. */
  readonly sticky: StickySettings | null
  /** When a server is left out for its failures among many answers; null: never. */
  readonly ejection: EjectionSettings | null
  /** Null: nobody asks its servers whether they are well. */
  readonly healthCheck: HealthCheck | null
  /** A location names it itself: it has one server, and no settings. */
  readonly isSingle: boolean
  readonly place: Place
}

export interface QueueSettings {
  /** Requests that wait at most, in each thread. */
  readonly most: number
  /** Milliseconds that one waits. */
  readonly timeout: number
}

/** Outlier ejection. Times are milliseconds. */
export interface EjectionSettings {
  /** Failures in a row that eject; 0: they do not. */
  readonly failures: number
  /** Per cent of the requests of a window that eject when they fail; 0: they do not. */
  readonly rate: number
  /** Requests that a window has at least before its rate counts. */
  readonly requests: number
  readonly window: number
  /** How long the first ejection is. */
  readonly time: number
  /** Per cent of the servers that may be out at once. */
  readonly share: number
}

/** The cookie by which a client stays with its server. */
export interface StickySettings {
  /** Its name. */
  readonly cookie: string
  /** Seconds after which a client that sends nothing is no longer known; null: until the browser closes. */
  readonly ttl: number | null
  readonly path: string
  /** Null: the host that was asked, alone. */
  readonly domain: string | null
  readonly sameSite: 'Strict' | 'Lax' | 'None'
}

/** How the servers of a group are asked whether they are well. Times are milliseconds. */
export interface HealthCheck {
  /** With a query, if any. */
  readonly path: string
  readonly interval: number
  /** For the response, as much of it as is looked at. */
  readonly timeout: number
  /** Bad answers in a row after which a server gets no requests. */
  readonly fails: number
  /** Good ones after which it gets them again. */
  readonly passes: number
  /** A good answer has a status from `leastStatus` to `mostStatus`. */
  readonly leastStatus: number
  readonly mostStatus: number
  /** And this field, with this value or with any; null: its fields do not matter. */
  readonly header: { readonly name: string; readonly value: string | null } | null
  /** And this text in the first 64 KiB of its content; null: that does not matter. */
  readonly body: string | null
  /** How servers are asked: place in `upstreamTls`; null: without TLS. */
  readonly tls: number | null
}

export type UpstreamProtocol = 'http' | ScriptProtocol

/** Protocols that carry a request as variables, as CGI has them. */
export type ScriptProtocol = ServerProtocol | 'cgi'

/** Those of servers that somebody else has started. */
export type ServerProtocol = 'fastcgi' | 'scgi' | 'uwsgi'

/** CGI programs, as the master runs them: a directory of them, or one. */
export interface CgiProgram {
  /** By which the gateway names it: made of all that follows. */
  readonly key: string
  /** Absolute. */
  readonly path: string
  readonly isDirectory: boolean
  readonly links: CgiLinks
  /** Others than `owners` may write to it. */
  readonly mayBeWritable: boolean
  /** User ids to whom programs may belong. */
  readonly owners: readonly number[]
  /** By extension, with its dot: absolute paths. */
  readonly interpreters: Readonly<Record<string, string>>
  /** Names in our own environment that programs get, besides the usual ones. */
  readonly variables: readonly string[]
}

/** Which symbolic links are programs: those that stay in the directory, all, none. */
export type CgiLinks = 'within' | 'followed' | 'off-limits'

/** What a location says of how CGI programs are run; see `CgiProgram`. */
export type CgiSettings = Pick<CgiProgram, 'interpreters' | 'variables' | 'mayBeWritable'>

export type Balance = 'round-robin' | 'least-conn' | 'ip-hash' | 'hash' | 'consistent-hash' | 'random' | 'random-two'

/** `server` of an `upstream`. */
export interface UpstreamServer {
  /** `10.0.0.1:8000`, `unix:/run/x.sock`, `srv:_http._tcp.api.internal`. */
  readonly label: string
  readonly address: ServerAddress | ServiceName
  readonly weight: number
  /** `max_fails` */
  readonly maxFails: number
  /** Milliseconds. `fail_timeout` */
  readonly failTimeout: number
  /** Requests at once; 0: any number. `max_conns` */
  readonly maxConns: number
  /** Milliseconds. `slow_start` */
  readonly slowStart: number
  readonly isBackup: boolean
  readonly isDown: boolean
  /** It gets no new requests but those of clients that belong to it. `jumak upstream … drain` */
  readonly isDraining: boolean
}

export type ServerAddress =
  /** `host`: a name or an address. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** DNS says which servers there are, with ports, weights and priorities (RFC2782). `name`: `_http._tcp.api.internal`. */
export interface ServiceName {
  readonly kind: 'srv'
  readonly name: string
}

/** TLS to upstreams, as locations want it. Certificates and keys are PEM. */
export interface UpstreamTls {
  /** `proxy_ssl_verify` */
  readonly isVerified: boolean
  /** Null: those of the system. `proxy_ssl_trusted_certificate` */
  readonly authorities: string | null
  /** Null: that of the server. `proxy_ssl_name` */
  readonly name: string | null
  /** `proxy_ssl_server_name` */
  readonly sendsName: boolean
  /** `proxy_ssl_certificate`, `proxy_ssl_certificate_key` */
  readonly client: { readonly certificate: string; readonly key: string } | null
  /** The oldest first; all between them. `proxy_ssl_protocols` */
  readonly versions: readonly ('TLSv1.2' | 'TLSv1.3')[]
}

/** `proxy_pass` */
export interface ProxyTarget {
  /** Of the upstream. Where requests choose the server: of one without servers, which stands for all that they choose. */
  readonly upstream: string
  /** Server of each request, as it would stand in a URL: `$host:8000`. Null: `upstream` has the servers. */
  readonly destination: Template | null
  /** https:// */
  readonly isTls: boolean
  /** Stands for `prefix`; null: the path is passed on as it came. */
  readonly uri: Template | null
  /** Of the location that it was written in. */
  readonly prefix: string
}

/** What `destination` may come to. Each but an upstream has ports, `least` to `most`. `proxy-allow-hosts` */
export type AllowedHost =
  /** Lower case, without a dot at its end. */
  | { readonly kind: 'name'; readonly name: string; readonly least: number; readonly most: number }
  /** All names below it: `internal.test` for `*.internal.test`. */
  | { readonly kind: 'suffix'; readonly name: string; readonly least: number; readonly most: number }
  | { readonly kind: 'address'; readonly name: string; readonly least: number; readonly most: number }
  | { readonly kind: 'upstream'; readonly name: string }

/** A server that a request has chosen, and may. */
export interface Destination {
  /** In its one form: `api.internal.test:8000`, `[::1]:80`. */
  readonly label: string
  /** A name in lower case, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly isAddress: boolean
  /** A word of the configuration names it, and not only what it ends with. */
  readonly isNamed: boolean
}

/** What a location says of variables of FastCGI, SCGI and uwsgi. */
export interface ParamSettings {
  /** Besides the usual ones. An empty value: it is not sent. `fastcgi_param`, `scgi_param`, `uwsgi_param` */
  readonly params: Readonly<Record<ScriptProtocol, readonly { readonly name: string; readonly value: Template }[]>>
  /** Name of the script for a path that ends in a slash; null: none. `fastcgi_index` */
  readonly fastcgiIndex: string | null
  /** Its groups are the script and what follows it; null: the whole path is the script. `fastcgi_split_path_info` */
  readonly splitPathInfo: string | null
}

/** What a location says of how it passes requests on; the nearest value as a whole. */
export interface ProxySettings {
  /** Servers that requests may choose. `proxy-allow-hosts` */
  readonly allowHosts: readonly AllowedHost[]
  /** The content of a request is read whole before a server is asked. `proxy_request_buffering` */
  readonly buffersRequest: boolean
  /** Place in `upstreamTls`, for those that are asked by TLS. */
  readonly tls: number
  /** Fields of the request. An empty value: it is not sent. `proxy_set_header` */
  readonly setHeaders: readonly { readonly name: string; readonly value: Template }[]
  /** Lower case. `proxy_hide_header` */
  readonly hideHeaders: readonly string[]
  /** Lower case. `proxy_pass_header` */
  readonly passHeaders: readonly string[]
  /** Milliseconds. `proxy_connect_timeout` */
  readonly connectTimeout: number
  /** Between two writes that the server takes. `proxy_send_timeout` */
  readonly sendTimeout: number
  /** For the head, and between two reads of content. `proxy_read_timeout` */
  readonly readTimeout: number
  /** What becomes of a Location, and of a Refresh; the first that fits. `proxy_redirect` */
  readonly redirects: readonly ProxyRedirect[]
  /** `proxy_cookie_domain` */
  readonly cookieDomains: readonly TextReplacement[]
  /** `proxy_cookie_path` */
  readonly cookiePaths: readonly TextReplacement[]
  /** Orders of the upstream that are not followed; lower case. `proxy_ignore_headers` */
  readonly ignoreHeaders: readonly string[]
  /** The client's own fields. `proxy_pass_request_headers` */
  readonly passesHeaders: boolean
  /** The client's content. `proxy_pass_request_body` */
  readonly passesBody: boolean
  /** What a slow client does not take is kept, so that the server is free. `proxy_buffering` */
  readonly buffers: boolean
  /** Fields that say who the client is. */
  readonly forwarded: ForwardedForm
  /** `proxy_next_upstream` */
  readonly nextUpstream: readonly NextUpstream[]
  /** Servers that get a request at most; 0: each of the group. `proxy_next_upstream_tries` */
  readonly nextUpstreamTries: number
  /** Milliseconds in which another one may be tried; 0: any time. `proxy_next_upstream_timeout` */
  readonly nextUpstreamTimeout: number
}

export type ForwardedForm = 'x-forwarded' | 'forwarded' | 'both' | 'off'

/** The beginning of a text, or what a regular expression matches, becomes another text. */
export type TextReplacement =
  | { readonly kind: 'text'; readonly from: Template; readonly to: Template }
  | { readonly kind: 'regex'; readonly pattern: PatternText; readonly to: Template }

/** `default`: the URL of `proxy` becomes the prefix of the location. */
export type ProxyRedirect = TextReplacement | { readonly kind: 'default' }

export type NextUpstream =
  | 'error'
  | 'timeout'
  | 'invalid-header'
  | 'http-500'
  | 'http-502'
  | 'http-503'
  | 'http-504'
  | 'http-403'
  | 'http-404'
  | 'http-429'
  | 'non-idempotent'
