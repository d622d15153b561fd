/**
 * What is known of a request while it goes through a site: where it is now, and the values of its variables. One object for each request.
 * With it the compiled form of what it goes through. Runs in the gateway. Data only: `phases.ts` changes it.
 */
import type { DecideByAddress } from '../../access/address-rules.ts'
import type { HttpError } from '../../http/errors.ts'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import type { PassedOn } from '../../http/upstream-try.ts'
import type {
  AccessRule,
  LimitUse,
  LocationHandler,
  LocationSettings,
  Place,
  RequestLimit,
  SiteLog,
} from '../../sites/model.ts'
import type { ScriptProtocol } from '../../sites/upstream-model.ts'
import { hostOf } from '../hosts.ts'
import type { PathMap } from './path-map.ts'
import type { PatternList } from './pattern-list.ts'
import type { PrefixTree } from './prefix-tree.ts'
import type { Trace } from './trace.ts'

/** nginx's NGX_HTTP_MAX_URI_CHANGES: rewrites and internal redirects of one request, which otherwise might never end. */
export const MAX_URI_CHANGES = 10

/** Groups of a regular expression, the whole match first. */
export type Captures = readonly (string | undefined)[]

/** A template, a variable: its value for a request. Each character is a byte. */
export type Evaluate = (request: SiteRequest) => string

/** Makes another text of one, for a request. */
export type Rewrite = (request: SiteRequest, text: string) => string

/** A variable that is computed: what is looked up, and the value for it. */
export interface Lookup {
  /** What is looked up. */
  readonly from: Evaluate
  readonly look: (text: string, request: SiteRequest) => string
}

/** A compiled regular expression: sets the captures and the named variables of the request if it matches. */
export type Matches = (request: SiteRequest, subject: string) => boolean

/** What the steps of a rewrite came to. `again`: a location must be chosen for the new path. */
export type StepsOutcome =
  | 'next'
  | 'again'
  | 'break'
  | { readonly status: number; readonly text: string | null; readonly isRedirect: boolean }

/** nginx's words. */
export type LimitStatus = '' | 'PASSED' | 'DELAYED' | 'REJECTED' | 'DELAYED_DRY_RUN' | 'REJECTED_DRY_RUN'

/** What has a name on the disk, links followed. */
export interface OnDisk {
  readonly isFile: boolean
  readonly isDirectory: boolean
  /** By its owner. */
  readonly isExecutable: boolean
}

/** Null: nothing is there. `name`: absolute; bytes. Fails with HttpError where it cannot be known. */
export type LookAt = (name: string) => OnDisk | null | Promise<OnDisk | null>

/** A list of steps; null: there are none. A promise: they ask the disk. */
export type RunSteps = ((request: SiteRequest, look: LookAt) => StepsOutcome | Promise<StepsOutcome>) | null

/** Whether a request may go on: null, or the error that it is answered with. A promise: it has to wait for its turn. */
export type LimitStep = (request: SiteRequest) => HttpError | null | Promise<HttpError | null>

/** A log of sites, as it is written. */
export interface CompiledLog {
  readonly log: SiteLog
  /** Without a line feed. */
  readonly line: Evaluate
  /** Null: all requests. */
  readonly condition: Evaluate | null
}

export interface CompiledCors {
  /** The answer to a browser's question before a request; null: it is no such question. */
  readonly preflight: (request: SiteRequest) => HttpError | readonly string[] | null
  /** Fields for a response, in which these are: those that it has are left alone. */
  readonly fields: (request: SiteRequest, headers: readonly string[]) => readonly string[]
}

export interface LocationLogs {
  /** The access log has its requests too. */
  readonly hasAccessLog: boolean
  /** Called when a request is over. */
  readonly write: (request: SiteRequest) => void
}

/** A limit of a location, with the text by which requests are counted. */
export interface KeyedLimit {
  readonly use: LimitUse
  readonly limit: RequestLimit
  readonly key: Evaluate
}

export interface CompiledSite {
  readonly label: string
  /** Of `server_name`: for a client that names no host. */
  readonly firstName: string
  readonly variableCount: number
  readonly mergesSlashes: boolean
  /** Some location has pages for errors. */
  readonly hasErrorPages: boolean
  readonly steps: RunSteps
  /** What no location matches. */
  readonly root: CompiledLocation
  readonly locations: LocationTable
  readonly named: ReadonlyMap<string, CompiledLocation>
  readonly place: Place
}

/** The locations of one level. */
export interface LocationTable {
  readonly exact: PathMap<CompiledLocation>
  readonly prefixes: PrefixTree<CompiledLocation>
  /** In their order; `patternList` tries them. */
  readonly patterns: readonly { readonly matches: Matches; readonly location: CompiledLocation }[]
  readonly patternList: PatternList<SiteRequest>
  /** `/shop` → the location `/shop/`, whose application gets it only with its slash. */
  readonly slashless: PathMap<CompiledLocation>
}

export interface CompiledLocation {
  /** For messages and `explain`: `/static/`, `= /x`, `~ \.php$`. */
  readonly label: string
  /** Of a prefix or an exact path; empty for other kinds. */
  readonly prefix: string
  readonly beatsRegex: boolean
  readonly isInternal: boolean
  readonly steps: RunSteps
  /** Null: there are none. */
  readonly limits: LimitStep | null
  /** Null: none of its own, and requests are in the access log. */
  readonly logs: LocationLogs | null
  /** Null: everybody is let in. */
  readonly access: AccessPhase | null
  /** Null: links are not checked. `$secure_link` */
  readonly secureLink: { readonly link: Evaluate; readonly signed: Evaluate } | null
  /** Null: any page may lead here. `referer`: undefined: there is none. `$invalid_referer` */
  readonly isValidReferer: ((referer: string | undefined) => boolean) | null
  readonly tryFiles: readonly CompiledTry[]
  readonly handler: LocationHandler
  readonly settings: LocationSettings
  /** Directory of its files, without a slash at its end. Null: it has none. `$document_root` */
  readonly directory: Evaluate | null
  /** The part of it that is the same for all requests: nothing outside it is served. No slash at its end. */
  readonly base: string | null
  /** `base` as a path of this machine: UTF-8. */
  readonly baseText: string
  /** Null: the location has none. `prefix`: what it stands for; null: it is the whole name. */
  readonly alias: { readonly path: Evaluate; readonly prefix: string | null } | null
  readonly index: readonly Evaluate[]
  readonly addHeaders: readonly { readonly name: string; readonly value: Evaluate; readonly always: boolean }[]
  /** Null: responses are not limited. Values are sizes, or mean nothing. */
  readonly limitRate: Evaluate | null
  readonly limitRateAfter: Evaluate | null
  /** Null: there is none. */
  readonly cors: CompiledCors | null
  readonly errorTargets: ReadonlyMap<number, CompiledErrorTarget>
  /** Null: it passes nothing on. */
  readonly proxy: CompiledProxy | null
  /** Null: it passes nothing on as variables. */
  readonly script: CompiledScript | null
  /** Null: no location is nested. */
  readonly locations: LocationTable | null
  readonly place: Place
}

/** Who is let in. */
export interface AccessPhase {
  /** Null: everybody. */
  readonly usual: CompiledAccess | null
  /** With other methods than these; null: as `usual`. `limit_except` */
  readonly except: { readonly methods: ReadonlySet<string>; readonly access: CompiledAccess | null } | null
}

export interface CompiledAccess {
  readonly satisfiesAny: boolean
  /** As they are written: for `explain`. */
  readonly rules: readonly AccessRule[]
  /** Null: addresses are not looked at. */
  readonly decide: DecideByAddress | null
  /** Null: no password is asked for. A realm of `off` asks for none either. */
  readonly basic: { readonly realm: Evaluate; readonly users: string } | null
  /** Null: no other location is asked. `sets`: values of its response. */
  readonly request: {
    readonly uri: string
    readonly sets: readonly { readonly index: number; readonly value: Evaluate }[]
  } | null
}

export type CompiledTry =
  | { readonly kind: 'file' | 'directory' | 'uri'; readonly value: Evaluate }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'status'; readonly status: number }

/** `proxy`; what it means: `proxy.ts`. */
export interface CompiledProxy {
  /** Where requests choose their server: the one that stands for all of these. */
  readonly upstream: string
  /** Null: `upstream` has the servers. */
  readonly destination: CompiledDestination | null
  readonly isTls: boolean
  /** In the place of `prefix`; null: the path is passed on as it came. `isWhole`: it has variables, and is all of the path and query. */
  readonly uri: { readonly text: Evaluate; readonly isWhole: boolean } | null
  /** As `proxy` names the server for this request: `host` without the usual port, `port` empty for a Unix socket. `$proxy_host`, `$proxy_port` */
  readonly named: (request: SiteRequest) => { readonly host: string; readonly port: string }
  readonly prefix: string
  readonly setHeaders: readonly { readonly name: string; readonly value: Evaluate }[]
  /** Of a Location, and of the URL in a Refresh; null: they stay. */
  readonly rewriteLocation: Rewrite | null
  /** Of a Set-Cookie; null: it stays. */
  readonly rewriteCookie: Rewrite | null
}

/** The server that a request chooses; what it means: `destination.ts`. */
export interface CompiledDestination {
  readonly text: Evaluate
  /** Where the text has none. */
  readonly usualPort: number
  readonly allowed: AllowedServers
}

export interface AllowedServers {
  /** Null: it may not be asked. */
  find(host: string, isAddress: boolean, port: number): { readonly isNamed: boolean } | null
  hasUpstream(name: string): boolean
  /** `address`: what a name that is allowed resolves to. */
  isAllowedAddress(address: string, port: number): boolean
}

/** `fastcgi`, `scgi`, `uwsgi`; what it means: `params.ts`. */
export interface CompiledScript {
  readonly protocol: ScriptProtocol
  readonly upstream: string
  readonly params: readonly {
    readonly name: string
    readonly value: Evaluate
    /** It is sent though it is empty. */
    readonly isAlways: boolean
  }[]
  /** The path names the script: no SCRIPT_FILENAME of the configuration does. */
  readonly isNamedByPath: boolean
  /** Behind a path that ends in a slash; empty: nothing. */
  readonly index: string
  /** Groups of `fastcgi-split-path-info`; null: there is none. */
  readonly split: ((path: string) => Captures | null) | null
}

export interface CompiledErrorTarget {
  readonly becomes: number | null
  readonly target: Evaluate
}

/** Nobody writes to it: there is no variable. */
const NO_VALUES: undefined[] = []
/** Nobody writes to it: nothing was passed on, or nobody asks what became of it. */
const NOT_PASSED_ON: readonly PassedOn[] = []

export class SiteRequest {
  readonly exchange: Exchange
  readonly site: CompiledSite
  /** Told of each decision; null while the gateway serves. */
  readonly trace: Trace | null
  location: CompiledLocation
  /** Decoded and normal; a character for each byte. `$uri` */
  uri: string
  /** Without the question mark, as it was sent. `$args` */
  args: string
  /** Path and query are not those that the client sent. */
  isRewritten = false
  /** The client's path has an escape or a plus: what a rewrite takes from it into a query is escaped again. */
  get hasEscapes(): boolean {
    return /[%+]/.test(this.#sentPath)
  }
  readonly #sentPath: string
  /** Of the last regular expression that matched: `$1`. */
  captures: Captures | null = null
  /** Of variables that the configuration defines, by their index. */
  readonly values: (string | undefined)[]
  /** The one that it is made for, to ask whether that is let in. Null: it is a client's own. */
  readonly of: SiteRequest | null
  /** The program itself sent it to where it is. */
  isInternal = false
  /** A rewrite has changed the path, and no location was chosen for the new one. */
  isMoved = false
  changesLeft = MAX_URI_CHANGES
  /** The error whose page is being made; 0: none. */
  errorStatus = 0
  /** The status of the response, whatever the handler says; 0: the handler's. */
  responseStatus = 0
  /** Fields of an application's head that the response has in its place (X-Accel-Redirect): they win over those of a file. */
  keptHeaders: readonly string[] = []
  /** Bytes a second, as the application says (X-Accel-Limit-Rate); 0: no limit. Null: as the location says. */
  limitRate: number | null = null
  /** Of the file in the place of the application's response (X-Accel-Charset); empty: none. Null: the location's. */
  charset: string | null = null
  /** What became of its limits, once for each request; empty: it met none. `$limit_req_status`, `$limit_conn_status` */
  rateStatus: LimitStatus = ''
  connectionStatus: LimitStatus = ''
  /** The head that the last application or upstream gave, before the site changed anything. Null: none has. `$upstream_http_` */
  answer: Pick<ResponseHead, 'status' | 'headers'> | null = null
  /** To upstreams, one after the other: a bound has MAX_URI_CHANGES. Empty also if no variable needs it. `$upstream_addr` */
  passedOn: readonly PassedOn[] = NOT_PASSED_ON
  /** The logs of its location are told at its end. */
  isLogged = false
  /** As it was sent, though the page of an error is asked for by GET. */
  readonly sentMethod: string
  /** What locations add to the head of the response goes through a filter, which is there once. */
  isFiltered = false
  /** The filter of compression is there, once. */
  isCompressed = false
  /** The same for the rate. */
  isLimited = false

  /** `uri`: as `normalPath` gives it. `of`: it is a subrequest of this one; both have the same variables, as in nginx. */
  constructor(
    exchange: Exchange,
    site: CompiledSite,
    uri: string,
    trace: Trace | null = null,
    of: SiteRequest | null = null,
  ) {
    this.exchange = exchange
    this.site = site
    this.trace = trace
    this.location = site.root
    this.uri = uri
    this.args = exchange.request.query
    this.#sentPath = exchange.request.path
    this.sentMethod = exchange.request.method
    const { variableCount } = site
    this.values = of?.values ?? (variableCount === 0 ? NO_VALUES : new Array(variableCount))
    this.of = of
    this.isInternal = of !== null
  }

  /** The host that the client named, in lower case and without port, else the site's first name. `$host` */
  get host(): string {
    const { authority } = this.exchange.request
    return authority === '' ? this.site.firstName : hostOf(authority)
  }
}
