/**
 * The configuration as the processes see it: plain, validated, frozen data. `config/settings/` defines each value
 * once; `config/load.ts` builds this. The gateway imports only this file's types.
 * Durations are milliseconds, sizes are bytes.
 */
import type { ForwardedHeader } from '../base/forwarded-headers.ts'

export type BindAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket that was inherited: `fd://3`. */
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'unix'; readonly path: string }

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

export interface Limits {
  /** Bytes of the request line; longer is 414. */
  readonly requestLine: number
  /** Bytes of all header fields (trailers likewise); more is 431. */
  readonly headerBytes: number
  /** Number of header fields (trailers likewise); more is 431. */
  readonly headerCount: number
  /** Bytes of content; more is 413. */
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
  /** Bytes a second that content must come at, as a mean over `Timeouts.body`; 0: none. */
  readonly bodyRate: number
  /** The same for taking a response, over `Timeouts.send`. */
  readonly sendRate: number
  /** Requests that wait for a worker; one more is 503. */
  readonly queue: number
  /** Bytes of a message of a WebSocket, uncompressed; more closes it with 1009. */
  readonly websocketMessage: number
}

export interface Timeouts {
  /** From the first byte of a request to the end of its head; 408 after it. */
  readonly head: number
  /** Without a byte of the body; 408 after it. */
  readonly body: number
  /** Idle time between requests of a connection, and until the first. */
  readonly keepAlive: number
  /** Without the client taking a byte of the response. */
  readonly send: number
  /** From dispatch to the response head, and between chunks after it; 504 and a new worker after it. 0: none. */
  readonly request: number
  /** The same below paths of their own; none twice. */
  readonly requestFor: readonly PathTimeout[]
  /** Without a byte of a response of unknown length from an ASGI application. 0: none. */
  readonly streamIdle: number
  /** From the arrival of a request in the queue to its dispatch; 503 after it. */
  readonly queue: number
  /** For requests that still run when the program stops or reloads. */
  readonly graceful: number
  /** Without a byte from a WebSocket's client, before a ping asks whether it is there. 0: never. */
  readonly websocketPing: number
  /** From a ping to anything from the client; the connection is taken for broken after it. */
  readonly websocketPong: number
}

export interface PathTimeout {
  /** Begins and ends with a slash; means the path without the last one as well: `/export/`. */
  readonly prefix: string
  readonly timeout: number
}

export interface AccessLogConfig {
  /** Absolute, or `-` for standard output. */
  readonly path: string
  /** `common`, `combined`, `json`, or a format of gunicorn's atoms. */
  readonly format: string
  /** Responses of this status and above are written; 0: condition not set. */
  readonly minStatus: number
  /** Exchanges that took this long and longer are written; 0: condition not set. With both conditions, what meets either. */
  readonly slowerThan: number
}

export type ErrorFormat = 'text' | 'html' | 'json'

/** What is answered with a status instead of our own words. */
export interface ErrorPage {
  readonly status: number
  readonly format: ErrorFormat
  readonly content: string
}

/** Files below `directory` are served at paths below `url`. */
export interface StaticMount {
  /** Begins and ends with a slash: `/static/`. */
  readonly url: string
  /** Absolute. */
  readonly directory: string
}

/** What each worker answers before it serves: GET, as a client of this host would send it. */
export interface WarmupRequest {
  readonly scheme: 'http' | 'https'
  /** The Host. */
  readonly authority: string
  /** Path and query: `/shop?page=1`. */
  readonly target: string
}

/** Whom the gateway and the workers become; numbers, looked up before anything starts. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** For `initgroups`: the user's supplementary groups are kept. Empty when the uid has no name. */
  readonly userName: string
}

/** Paths that the gateway answers by itself; null: off. */
export interface HealthPaths {
  /** Liveness. */
  readonly live: string | null
  /** Readiness. */
  readonly ready: string | null
}

/** Who is served first while requests wait for longer than they should. */
export type QueueOrder = 'fifo' | 'newest-first'

export interface GatewayConfig {
  readonly limits: Limits
  readonly timeouts: Timeouts
  /** Addresses and CIDR ranges of proxies that speak for clients; `unix` for Unix sockets. */
  readonly trustedProxies: readonly string[]
  /** The headers of theirs that are believed. */
  readonly forwardedHeaders: readonly ForwardedHeader[]
  readonly accessLog: AccessLogConfig | null
  /** Off: content goes to the worker while it arrives, and a slow upload holds a worker. */
  readonly requestBuffering: boolean
  readonly health: HealthPaths
  readonly queueOrder: QueueOrder
  /** An idempotent request whose worker died may be sent to another one. */
  readonly retry: boolean
  /** SCRIPT_NAME: the path below which a proxy in front mounts the application; empty or `/shop`. */
  readonly rootPath: string
  /** As given; what a Django project's settings say comes with the `static` message. */
  readonly staticMounts: readonly StaticMount[]
  /** No two have the same status and format. */
  readonly errorPages: readonly ErrorPage[]
  /** Directory for temporary files. */
  readonly temporaryDirectory: string
  /** The application is being developed: errors are shown with their frames, to loopback only. */
  readonly isDevelopment: boolean
  readonly identity: Identity | null
  readonly logLevel: LogLevel
}

export type PreloadMode = 'on' | 'off' | 'auto'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** All of it; the gateway gets its part. */
export interface Config extends GatewayConfig {
  readonly app: AppTarget
  readonly bind: readonly BindAddress[]
  readonly workers: number
  /** Of an ASGI application, where nobody has said how many; null: as many as `workers`. */
  readonly asgiWorkers: number | null
  /** How `workers` came about, for the start-up line: `auto: 2 cores`. Empty when the user said it. */
  readonly workersReason: string
  readonly threads: number
  /** Requests that a worker of an ASGI application runs at a time, until each has its response head. */
  readonly concurrency: number
  readonly lifespan: 'auto' | 'on' | 'off'
  readonly preload: PreloadMode
  /** Directory of the application as the user named it: not resolved, so that a switched symbolic link is followed at reload. */
  readonly directory: string
  /** `--python` as the user said it; null: virtual environment, `.venv`, `venv`, `python3`. */
  readonly python: string | null
  readonly logFormat: 'text' | 'json'
  /** Absolute path of the program's log; null: standard error. */
  readonly logFile: string | null
  /** Variables for the application, over those that Jumak itself has. */
  readonly variables: Readonly<Record<string, string>>
  /** Absolute paths; read anew at each reload, `variables` win over them. */
  readonly envFiles: readonly string[]
  /** Called without arguments in each worker after the fork, before it serves. */
  readonly postFork: { readonly module: string; readonly attribute: string } | null
  readonly recycle: Recycle
  /** In this order; none while developing. */
  readonly warmup: readonly WarmupRequest[]
  /** From being told to stop gracefully to the drain: load balancers notice meanwhile. 0: none. */
  readonly shutdownDelay: number
  /** For a generation to serve, from its beginning; it is given up after it. 0: no limit. */
  readonly startTimeout: number
  /** False: STATIC_URL and STATIC_ROOT of a Django project are not looked at. */
  readonly findStatic: boolean
  /** Directories that are watched for changed code; empty: no automatic reload. */
  readonly watch: readonly string[]
  /** Of the master, so of all its children and what they make; null: as it was started. */
  readonly umask: number | null
  /** Mode of Unix sockets that are listened on. */
  readonly unixMode: number
  /** Absolute. */
  readonly pidFile: string | null
}

/** When a worker is replaced although nothing is wrong with it; 0 switches a rule off. */
export interface Recycle {
  /** Requests that it has answered. */
  readonly maxRequests: number
  /** Added to `maxRequests`, a random number up to this: so that workers do not go at the same time. */
  readonly maxRequestsJitter: number
  /** Milliseconds since it was forked; spread by a tenth for the same reason. */
  readonly maxAge: number
  /** Bytes that are its own share of memory: PSS, or RSS where that is all there is. */
  readonly maxMemory: number
}

/** What it takes for a new value of a setting to come into force: nothing, new workers, a new start of the program. */
export type Change = 'live' | 'reload' | 'restart'

/** The configuration read anew; settings that need a new start of the program keep their values in `config`. */
export type Reloaded =
  | { readonly problems: readonly string[] }
  | {
      readonly config: Config
      readonly changed: readonly { readonly name: string; readonly change: Change }[]
      readonly warnings: readonly string[]
    }
