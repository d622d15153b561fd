/**
 * The configuration as the processes see it: plain, validated, frozen data. `config/settings/` defines each value
 * once; `config/load.ts` builds this. The gateway imports only this file's types (zod never loads there).
 * Durations are milliseconds, sizes are bytes.
 */

export type BindAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** What `APP` names. */
export interface AppTarget {
  /** Importable module (`mysite.wsgi`), or null when `file` is given. */
  readonly module: string | null
  /** Absolute path of a file that holds the application. */
  readonly file: string | null
  /** Names to try, in order: one when the user named it, else `application`, `app` (and `create_app` when Jumak looked itself). */
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
  /** Client connections of one gateway at a time. */
  readonly connections: number
  /** Requests that wait for a worker; one more is 503. */
  readonly queue: number
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
  /** From the arrival of a request in the queue to its dispatch; 503 after it. */
  readonly queue: number
  /** For requests that still run when the program stops or reloads. */
  readonly graceful: number
}

export interface GatewayConfig {
  readonly limits: Limits
  readonly timeouts: Timeouts
  /** Addresses and CIDR ranges whose `X-Forwarded-*` and `Forwarded` are believed; `unix` for Unix sockets. */
  readonly trustedProxies: readonly string[]
  /** Path of the access log, `-` for standard output, null for none. */
  readonly accessLog: string | null
  /** Directory for temporary files. */
  readonly temporaryDirectory: string
}

export type PreloadMode = 'on' | 'off' | 'auto'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Config {
  readonly app: AppTarget
  readonly bind: readonly BindAddress[]
  readonly workers: number
  /** How `workers` came about, for the start-up line: `auto: 2 cores`. Empty when the user said it. */
  readonly workersReason: string
  readonly threads: number
  readonly preload: PreloadMode
  /** Directory of the application as the user named it: not resolved, so that a switched symbolic link is followed at reload. */
  readonly directory: string
  /** `--python` as the user said it; null: virtual environment, `.venv`, `venv`, `python3`. */
  readonly python: string | null
  readonly logLevel: LogLevel
  readonly limits: Limits
  readonly timeouts: Timeouts
  readonly trustedProxies: readonly string[]
  readonly accessLog: string | null
  readonly temporaryDirectory: string
}
