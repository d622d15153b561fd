/**
 * The configuration as the processes see it: plain, validated, frozen data. Types only: `load.ts` makes the data. Durations are
 * milliseconds, sizes are bytes.
 *
 * A plain setting has no line here: its name, type and meaning are in its definition in `settings/`, for example those of
 * `timeouts.keepAlive` in `settings/clients.ts`. The lines here are what `assemble.ts` computes.
 */

import type { ForwardedHeader } from '../base/forwarded-headers.ts'
import type { Secret } from '../base/secret.ts'
import type { Compression, SitesModel } from '../sites/model.ts'
import type { Affinity } from './kinds/affinity.ts'
import type { BindAddress, FrontScheme, ListenScheme } from './kinds/bind.ts'
import type { ErrorPage } from './kinds/error-page.ts'
import type { WarmupRequest } from './kinds/forms.ts'
import type { PathTimeout } from './kinds/path-timeout.ts'
import type { RemoteAddress } from './kinds/remote-address.ts'
import type { StaticMount } from './kinds/static-mount.ts'
import type { ApplicationValues, ProgramValues } from './settings/index.ts'
import type { Change } from './settings/setting.ts'

export type { ErrorFormat } from './kinds/error-page.ts'
export type {
  Affinity,
  BindAddress,
  Change,
  ErrorPage,
  FrontScheme,
  ListenScheme,
  PathTimeout,
  RemoteAddress,
  StaticMount,
  WarmupRequest,
}

/** What `APP` names. */
export interface AppTarget {
  /** Importable module (`mysite.wsgi`); null: `file` is loaded by its path. */
  readonly module: string | null
  /** Absolute path of the application's file. With a module: the file of that module; Python imports from the directory above its packages. */
  readonly file: string | null
  /**
   * Names to try, in this order: the one that was given, else `application`, `app` and `create_app`. A factory that gets arguments has them
   * behind its name: `create_app('prod')`.
   */
  readonly attributes: readonly string[]
  /** `module:factory()`: the attribute is called and returns the application. */
  readonly factory: boolean
  /** `file` is one of PasteDeploy, `attributes` has the name of a section of it, and these are its global variables. Null: it is none. */
  readonly paste: Readonly<Record<string, string>> | null
  /** How the user would write it, for messages: `mysite.wsgi:application`. */
  readonly display: string
  /** If the user named nothing: what was found, and why. Else empty. */
  readonly found: string
}

export type Limits = ProgramValues['limits'] & {
  /** Bytes in all temporary files together; null: by the free space of their disk. */
  readonly temporaryBytes: number | null
  /** Bytes that all buffers of the gateway hold together; above it the largest are dropped. */
  readonly memory: number
  /** Open files at a time: temporary files, and files that are sent. */
  readonly openFiles: number
  /** Client connections of one gateway at a time. */
  readonly connections: number
  /** Client connections of one address that is no trusted proxy; 0: no limit. */
  readonly connectionsPerAddress: number
}

export type AppLimits = ApplicationValues['limits'] & {
  /** Bytes of content; more is 413. Without a limit it is a number that is larger than any content. */
  readonly body: number
  /** Of one client address that wait for a worker or still send their content; 0: no limit. */
  readonly requestsPerAddress: number
  /** Bytes of content kept in memory, for each request or response, before a temporary file takes the rest. */
  readonly memoryBuffer: number
  /** Bytes of response content kept for a slow client, in memory and file together, before the worker has to wait. */
  readonly responseBuffer: number
}

export type Timeouts = ProgramValues['timeouts']

export type AppTimeouts = ApplicationValues['timeouts'] & {
  /** `request` below paths of their own; no path twice. */
  readonly requestFor: readonly PathTimeout[]
}

/** When a worker is replaced although nothing is wrong with it. 0 switches a rule off. */
export type Recycle = ApplicationValues['recycle']

/** Paths that the gateway answers by itself; null: off. */
export type HealthPaths = ProgramValues['health']

export type AccessLogConfig = AccessLines & {
  /** Absolute, or `-` for standard output. */
  readonly path: string
}

/** Which lines, and how they look. */
export type AccessLines = ProgramValues['accessLog']

export type StatsdConfig = ProgramValues['statsd'] & { readonly address: RemoteAddress }

export type SyslogConfig = ProgramValues['syslog'] & {
  readonly address: RemoteAddress
  /** Of the access log, too; null: only the program's log. */
  readonly access: AccessLines | null
}

export type LogLevel = ProgramValues['logLevel']
export type PreloadMode = ApplicationValues['preload']
export type QueueOrder = ApplicationValues['queueOrder']

/** User and group that a process becomes, looked up before anything starts. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** For `initgroups`: the user's supplementary groups are kept. Empty when the uid has no name. */
  readonly userName: string
}

/** Some of an application's workers, which get the requests below some of its paths. */
export interface PoolConfig {
  /** Empty: the application's main pool, which gets all other requests. */
  readonly name: string
  /** From the application's own root. The longest prefix wins. */
  readonly paths: readonly string[]
  /** Null: as many as `AppConfig.workers` says. */
  readonly workers: number | null
}

/** One application, for the master. Plain settings stand beside these names. */
export interface AppConfig extends Omit<ApplicationValues, 'limits' | 'timeouts'> {
  /** Its name in the log, in messages, and in commands. No two applications have the same name. */
  readonly name: string
  /** Prefix of its paths: empty, or as in `/shop`. */
  readonly path: string
  /** Hosts whose requests are its own; empty: all. */
  readonly hosts: readonly string[]
  readonly target: AppTarget
  readonly workers: number
  /** Workers of an ASGI application if the user gave no number; null: as many as `workers`. */
  readonly asgiWorkers: number | null
  /** Why `workers` is this number, for the start-up line: `auto: 2 cores`. Empty if the user gave it. */
  readonly workersReason: string
  /** The main pool first. */
  readonly pools: readonly PoolConfig[]
  /** Directory of the application as the user named it. A symbolic link in it is not resolved: a reload follows a link that was switched. */
  readonly directory: string
  /** Absolute directories from which Python imports before all others. */
  readonly importPath: readonly string[]
  /** Variables for the application. They win over those that Jumak itself has. */
  readonly variables: Readonly<Record<string, string>>
  /** Absolute paths. Read again at each reload; `variables` win over them. */
  readonly envFiles: readonly string[]
  /** Sent in this order; none during development. */
  readonly warmup: readonly WarmupRequest[]
  readonly limits: AppLimits
  readonly timeouts: AppTimeouts
  /** Those that were given. Those of a Django project's settings come with the message `static`. */
  readonly staticMounts: readonly StaticMount[]
  /** Absolute directories of files that it may send by X-Sendfile; empty: the header means nothing. */
  readonly sendfileRoots: readonly string[]
  /** False: STATIC_URL and STATIC_ROOT of a Django project are not read. */
  readonly findStatic: boolean
  /** Directories that are watched for changed code; empty: no automatic reload. */
  readonly watch: readonly string[]
  /** Of its preloader and its workers; null: they stay what the master is. */
  readonly identity: Identity | null
  /** Of another program (`src/adapters/`); null: the command line is ours. */
  readonly configuration: PythonConfiguration | null
}

/** What another program's configuration has besides our settings. Where neither path nor module is given there is no file. */
export interface PythonConfiguration {
  /** Absolute path of a file in Python. */
  readonly path: string | null
  readonly module: string | null
  /** As the user gave it; without a file: the program's name. */
  readonly display: string
  /** Names of the file's functions that are called in our processes. */
  readonly hooks: readonly string[]
  /** What was given, by the other program's names: for these functions. JSON. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** TLS as the settings say. No file is read yet. */
export interface TlsConfig {
  /** Empty: none was given. */
  readonly entries: readonly TlsEntry[]
  /** `--tls self-signed`: a certificate of a local authority, besides the entries. */
  readonly isSelfSigned: boolean
  /** What the flat settings say: for that certificate. */
  readonly flat: Pick<TlsEntry, 'minVersion' | 'ciphers'>
}

/** The flat settings, or one `[[tls]]`. */
export interface TlsEntry {
  /** For messages: `tls-cert`, `jumak.toml:12 [[tls]]`. */
  readonly origin: string
  /** One, or one for each type of key. */
  readonly certificates: readonly TlsCertificate[]
  /** Absolute path; null: no key is encrypted. */
  readonly keyPasswordFile: string | null
  /** The password itself, of another program's command line; null: none was given. The file wins. */
  readonly keyPassword: Secret | null
  /** Lower case. Empty: those in its certificates. */
  readonly names: readonly string[]
  /** For clients that name nobody, or somebody whom no entry has. One entry at most; the first one if none says so. */
  readonly isDefault: boolean
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL's list; null: today's recommended ones. */
  readonly ciphers: string | null
  /** Null: clients are not asked for a certificate. */
  readonly clients: TlsClients | null
}

/** Absolute paths. */
export interface TlsCertificate {
  readonly certificate: string
  readonly key: string
  /** An OCSP response; null: none. */
  readonly staple: string | null
}

export interface TlsClients {
  readonly isRequired: boolean
  /** Absolute path of the authorities. */
  readonly authorities: string
  /** Absolute path of the revocation lists; null: none. */
  readonly revoked: string | null
  /** Most certificates between the client's and the authority's; null: any number. */
  readonly depth: number | null
}

/** HTTP/2 with clients, and the limits of a connection that speaks it. */
export type Http2Config = ProgramValues['http2']

/** What `https` asks of `http`, and of browsers. */
export type HttpsConfig = ProgramValues['https']

/** All of it, for the master. Plain settings of the program stand beside these names. */
export interface Config extends Omit<ProgramValues, 'accessLog' | 'statsd' | 'syslog'> {
  /** None: sites serve files alone, and no Python runs. */
  readonly apps: readonly AppConfig[]
  /** Milliseconds that running requests have at a stop, where no application says it. */
  readonly graceful: number
  /** Threads of the gateway that talk to clients. */
  readonly gatewayThreads: number
  /** Why, for the start-up line: `auto: 12 cores`. Empty if the user gave the number. */
  readonly gatewayThreadsReason: string
  readonly bind: readonly BindAddress[]
  readonly tls: TlsConfig
  /** Empty: requests go to applications by their own hosts and paths. */
  readonly sites: SitesModel
  readonly limits: Limits
  /** Addresses and CIDR ranges of proxies that speak for clients; `unix` for Unix sockets. */
  readonly trustedProxies: readonly string[]
  /** Whose headers of the PROXY protocol count, as `trustedProxies`. */
  readonly proxyProtocolFrom: readonly string[]
  /** Web servers whose requests by FastCGI, SCGI and uwsgi count, as `trustedProxies`. */
  readonly paramsFrom: readonly string[]
  /** Headers of these proxies that are believed. */
  readonly forwardedHeaders: readonly ForwardedHeader[]
  readonly accessLog: AccessLogConfig | null
  /** Null: nobody gets metrics. */
  readonly statsd: StatsdConfig | null
  /** Null: no log goes to syslog. */
  readonly syslog: SyslogConfig | null
  /** Names and values, one after the other, that every response has. */
  readonly responseHeaders: readonly string[]
  /** Of what no site is for, and what sites inherit. */
  readonly compression: Compression
  /** No two have the same status and format. */
  readonly errorPages: readonly ErrorPage[]
  /** Directory for temporary files. */
  readonly temporaryDirectory: string
  /** Null: the gateway stays what the master is. */
  readonly gatewayIdentity: Identity | null
  readonly cgi: ProgramValues['cgi'] & {
    /** That run at once. */
    readonly processes: number
    /** Who runs them. Null: who the master is. */
    readonly identity: Identity | null
  }
  readonly adminSocket: AdminSocket
}

/** Where the master listens for `jumak status` and the other commands. */
export interface AdminSocket {
  /** Absolute; the first that can be made is used. Empty: off. */
  readonly paths: readonly string[]
  /** Nobody named it. */
  readonly isAuto: boolean
}

/** The part of an application that the gateway gets. `control/config-shape.ts` checks each value there. */
export type GatewayApp = Pick<
  AppConfig,
  | 'affinity'
  | 'hosts'
  | 'limits'
  | 'name'
  | 'path'
  | 'pools'
  | 'queueOrder'
  | 'requestBuffering'
  | 'retry'
  | 'rootPath'
  | 'sendfileRoots'
  | 'staticMounts'
  | 'timeouts'
>

/** The part that the gateway gets. `control/config-shape.ts` checks each value there. */
export type GatewayConfig = Pick<
  Config,
  | 'accessLog'
  | 'compression'
  | 'errorPages'
  | 'forwardedHeaders'
  | 'gatewayIdentity'
  | 'gatewayThreads'
  | 'health'
  | 'http2'
  | 'https'
  | 'isDevelopment'
  | 'limits'
  | 'logLevel'
  | 'responseHeaders'
  | 'sites'
  | 'statsd'
  | 'syslog'
  | 'temporaryDirectory'
  | 'timeouts'
  | 'trustedProxies'
  | 'paramsFrom'
  | 'proxyProtocolFrom'
  | 'webSocketCompression'
> & { readonly apps: readonly GatewayApp[] }

export interface ChangedSetting {
  readonly name: string
  readonly change: Change
}

/** Applications by their names. */
export interface ChangedApps {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly { readonly app: string; readonly settings: readonly ChangedSetting[] }[]
}

/** Result of a reload. Settings that need a restart of the program keep their values in `config`. `changed`: the program's. */
export type Reloaded =
  | { readonly problems: readonly string[] }
  | {
      readonly config: Config
      readonly changed: readonly ChangedSetting[]
      readonly apps: ChangedApps
      readonly warnings: readonly string[]
    }

/** The files of the configuration, as they are now. */
export interface WatchedFiles {
  /** Where they are. */
  readonly directories: readonly string[]
  /** Another text: some file has changed, has come, or is gone. */
  readonly state: string
}
