/**
 * The configuration as the processes see it: plain, validated, frozen data. `config/settings/` defines each value
 * once; `config/load.ts` builds this. The gateway imports only this file's types.
 * Durations are milliseconds, sizes are bytes.
 */
import type { ForwardedHeader } from '../base/forwarded-headers.ts'
import type { BindAddress } from './kinds/bind.ts'
import type { ErrorPage } from './kinds/error-page.ts'
import type { WarmupRequest } from './kinds/forms.ts'
import type { PathTimeout } from './kinds/path-timeout.ts'
import type { StaticMount } from './kinds/static-mount.ts'
import type { PlainValues } from './settings/index.ts'
import type { Change } from './settings/setting.ts'

export type { ErrorFormat } from './kinds/error-page.ts'
export type { BindAddress, Change, ErrorPage, PathTimeout, StaticMount, WarmupRequest }

/** What `APP` names. */
export interface AppTarget {
  /** Importable module (`mysite.wsgi`); null: `file` is loaded by its path. */
  readonly module: string | null
  /** Absolute path of a file that holds the application. With a module: that module's, so that the directory above its packages is importable. */
  readonly file: string | null
  /** Names to try, in order: one when it is known, else `application`, `app` and `create_app`. */
  readonly attributes: readonly string[]
  /** `module:factory()`: the attribute is called without arguments and returns the application. */
  readonly factory: boolean
  /** How the user would write it, for messages: `mysite.wsgi:application`. */
  readonly display: string
  /** What was found and why, when the user named nothing; empty otherwise. */
  readonly found: string
}

export type Limits = PlainValues['limits'] & {
  /** Bytes of content; more is 413. No limit is a number larger than any content. */
  readonly body: number
  /** Bytes of content kept in memory, for each request or response, before a temporary file takes the rest. */
  readonly memoryBuffer: number
  /** Bytes of response content kept for a slow client, memory and file together, before the worker is held back. */
  readonly responseBuffer: number
  /** Bytes in all temporary files together; null: by what is free on their disk. */
  readonly temporaryBytes: number | null
  /** Bytes that all buffers of the gateway hold together; beyond it the largest are given up. */
  readonly memory: number
  /** Files at a time: temporary ones, and those that are sent. */
  readonly openFiles: number
  /** Client connections of one gateway at a time. */
  readonly connections: number
  /** Of these, those of one address that is no trusted proxy; 0: no limit. */
  readonly connectionsPerAddress: number
}

export type Timeouts = PlainValues['timeouts'] & {
  /** `request` below paths of their own; no path twice. */
  readonly requestFor: readonly PathTimeout[]
}

/** When a worker is replaced although nothing is wrong with it; 0 switches a rule off. */
export type Recycle = PlainValues['recycle']

/** Paths that the gateway answers by itself; null: off. */
export type HealthPaths = PlainValues['health']

export type AccessLogConfig = PlainValues['accessLog'] & {
  /** Absolute, or `-` for standard output. */
  readonly path: string
}

export type LogLevel = PlainValues['logLevel']
export type PreloadMode = PlainValues['preload']
export type QueueOrder = PlainValues['queueOrder']

/** Whom the gateway and the workers become; numbers, looked up before anything starts. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** For `initgroups`: the user's supplementary groups are kept. Empty when the uid has no name. */
  readonly userName: string
}

/** All of it; the gateway gets its part. Names that are not here are those of plain settings: see `settings/`. */
export interface Config extends Omit<PlainValues, 'limits' | 'timeouts' | 'accessLog'> {
  readonly app: AppTarget
  readonly bind: readonly BindAddress[]
  readonly workers: number
  /** Of an ASGI application, where nobody has said how many; null: as many as `workers`. */
  readonly asgiWorkers: number | null
  /** How `workers` came about, for the start-up line: `auto: 2 cores`. Empty when the user said it. */
  readonly workersReason: string
  /** Directory of the application as the user named it: not resolved, so that a switched symbolic link is followed at reload. */
  readonly directory: string
  /** Variables for the application, over those that Jumak itself has. */
  readonly variables: Readonly<Record<string, string>>
  /** Absolute paths; read anew at each reload, `variables` win over them. */
  readonly envFiles: readonly string[]
  /** In this order; none while developing. */
  readonly warmup: readonly WarmupRequest[]
  readonly limits: Limits
  readonly timeouts: Timeouts
  /** Addresses and CIDR ranges of proxies that speak for clients; `unix` for Unix sockets. */
  readonly trustedProxies: readonly string[]
  /** The headers of theirs that are believed. */
  readonly forwardedHeaders: readonly ForwardedHeader[]
  readonly accessLog: AccessLogConfig | null
  /** As given; what a Django project's settings say comes with the `static` message. */
  readonly staticMounts: readonly StaticMount[]
  /** False: STATIC_URL and STATIC_ROOT of a Django project are not looked at. */
  readonly findStatic: boolean
  /** No two have the same status and format. */
  readonly errorPages: readonly ErrorPage[]
  /** Directory for temporary files. */
  readonly temporaryDirectory: string
  /** Directories that are watched for changed code; empty: no automatic reload. */
  readonly watch: readonly string[]
  readonly identity: Identity | null
}

/** What the gateway is told. `control/config-shape.ts` checks each of it there. */
export type GatewayConfig = Pick<
  Config,
  | 'accessLog'
  | 'errorPages'
  | 'forwardedHeaders'
  | 'health'
  | 'identity'
  | 'isDevelopment'
  | 'limits'
  | 'logLevel'
  | 'queueOrder'
  | 'requestBuffering'
  | 'retry'
  | 'rootPath'
  | 'staticMounts'
  | 'temporaryDirectory'
  | 'timeouts'
  | 'trustedProxies'
>

/** The configuration read anew; settings that need a new start of the program keep their values in `config`. */
export type Reloaded =
  | { readonly problems: readonly string[] }
  | {
      readonly config: Config
      readonly changed: readonly { readonly name: string; readonly change: Change }[]
      readonly warnings: readonly string[]
    }
