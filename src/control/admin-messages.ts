/**
 * What crosses the admin socket: `jumak status` and the other commands ask, the master answers. One JSON object a line, UTF-8.
 *
 *     client → master   {"jumak":1,"command":"workers","app":"shop","workers":6}
 *     master → client   {"jumak":1,"progress":"…"}                                         any number, while a command takes its time
 *                       {"jumak":1,"ok":true,"command":"workers","message":"…"}             the last line of each command
 *                       {"jumak":1,"ok":false,"error":"…"}
 *
 * Invariants: `jumak` is the version of this format and is looked at first. A field may be added to an answer without a new version, so a
 * reader ignores those that it does not know. In a question every field is known or the question is refused: what it asks for is never
 * half done. Each field has a check, at both ends.
 * Not here: the socket (`master/admin/server.ts`), what a command does (`master/admin/commands.ts`), the shapes (`admin-shapes.ts`).
 */
import type { LogLevel } from '../config/types.ts'
import type { UpstreamServer } from '../sites/upstream-model.ts'

export const ADMIN_VERSION = 1

/** Bytes of a question. The longest has a server with its settings. */
export const MAX_QUESTION = 4096
/** Bytes of an answer: the status of some thousand workers, each with what it runs. */
export const MAX_ANSWER = 16 * 1024 * 1024

/** What may be asked. `app`: a name; left out: the only application, or for `reload` all of them. */
export type AdminQuestion =
  | { readonly command: 'status' }
  | { readonly command: 'reload'; readonly app?: string }
  | { readonly command: 'upgrade' }
  | { readonly command: 'stop' }
  | { readonly command: 'workers'; readonly app?: string; readonly pool?: string; readonly workers: number }
  | { readonly command: 'log-level'; readonly level: LogLevel }
  /** `upstream`: may be left out for `list`: all of them. `label`: of a server, for all but `list`. `server`: the same with its settings, for `add`. */
  | {
      readonly command: 'upstream'
      readonly action: 'list' | UpstreamAction
      readonly upstream?: string
      readonly label?: string
      readonly server?: UpstreamServer
    }

export type UpstreamAction = 'add' | 'drain' | 'remove'

export type AdminCommand = AdminQuestion['command']

export type AdminAnswer =
  | { readonly jumak: number; readonly progress: string }
  | { readonly jumak: number; readonly ok: false; readonly error: string }
  | ({ readonly jumak: number; readonly ok: true; readonly command: 'status' } & ProgramStatus)
  | {
      readonly jumak: number
      readonly ok: true
      readonly command: Exclude<AdminCommand, 'status'>
      readonly message: string
    }

/** Processor and memory of one process, or of several. Null: the system does not tell, or the process has just ended. */
export interface Usage {
  /** Bytes. Linux: shared pages are divided among the processes that share them (PSS), so sums are right. */
  readonly memory: number | null
  /** Percent of one core, during the moment in which the status was made. */
  readonly cpu: number | null
}

/** The whole program. Ages are seconds. */
export interface ProgramStatus extends Usage {
  readonly version: string
  readonly pid: number
  readonly state: 'starting' | 'ready' | 'failing' | 'stopping'
  /** Since the program started. */
  readonly age: number
  /** `http://127.0.0.1:8000`, `unix:/run/shop.sock`. */
  readonly listeners: readonly string[]
  readonly logLevel: LogLevel
  /** Of TLS: those with a problem, then those that end first; some hundred at most. A program that was started before it knew them tells none. */
  readonly certificates?: readonly CertificateStatus[]
  /** Null: it has just died, and the next one is on its way. */
  readonly gateway: GatewayStatus | null
  readonly apps: readonly AppStatus[]
  /** That locations use. A program that was started before it knew them tells none. */
  readonly upstreams?: readonly UpstreamStatus[]
}

export interface UpstreamStatus {
  readonly name: string
  readonly balance: string
  /** The cookie by which clients stay with their servers; null: they do not. A program that was started before it knew it tells none. */
  readonly sticky?: string | null
  /** Requests that wait for a server with room, and how many may in each thread of the gateway; null: none does. */
  readonly queue?: { readonly waiting: number; readonly most: number } | null
  readonly servers: readonly ServerStatus[]
}

/**
 * `up`. `out`: it has failed, and gets nothing for a while. `ejected`: the same, for its failures among many answers. `down`: so the configuration says. `draining`: it gets no new requests. `removed`:
 * it is in the file, and `jumak upstream … remove` has taken it away.
 */
export type ServerState = 'up' | 'out' | 'ejected' | 'down' | 'draining' | 'removed'

export interface ServerStatus {
  /** `10.0.0.1:8000`. */
  readonly server: string
  readonly state: ServerState
  /** By `jumak upstream … add`; the file does not have it. */
  readonly isAdded: boolean
  readonly weight: number
  readonly isBackup: boolean
  /** Null: the gateway did not answer, or does not know the server. */
  readonly traffic: ServerTraffic | null
}

export interface ServerTraffic {
  /** Requests that it has, streams and WebSockets included. */
  readonly running: number
  /** Since this gateway started: requests that it got, and failures of it. */
  readonly requests: number
  readonly failures: number
}

export interface CertificateStatus {
  /** That it is used for, lower case: `example.kr`, `*.example.kr`. Some dozen at most. */
  readonly names: readonly string[]
  /** ISO 8601: `2027-02-28T09:30:00.000Z`. */
  readonly validTo: string
  /** Whole days until then; negative: it has expired. */
  readonly daysLeft: number
  /** Its files have changed since, and this is why the new ones are not in force; empty: they are. */
  readonly problem: string
}

export interface GatewayStatus extends Usage {
  readonly pid: number
  readonly state: 'starting' | 'listening'
  readonly age: number
  /** What it has told about itself and the workers; null: it did not answer in time. */
  readonly traffic: GatewayTraffic | null
}

export interface GatewayTraffic {
  /** Open connections of clients. */
  readonly connections: number
  /** Of them, those that speak HTTP/2, and the requests on them. A program that was started before it knew them tells none. */
  readonly http2Connections?: number
  readonly streams?: number
  /** Requests that workers run now, streams and WebSockets included. */
  readonly running: number
  /** Requests that wait for a worker. */
  readonly waiting: number
}

/** What is known of an application, from the gateway; null: the gateway did not answer. */
export interface AppTraffic {
  readonly running: number
  readonly waiting: number
  /** Requests that its workers have answered since this gateway started. */
  readonly answered: number
  /** Answered requests a second, over the last ten seconds. */
  readonly perSecond: number
}

/**
 * `starting`: no generation has served yet. `ready`. `reloading`: a new generation comes up, and an older one serves. `failing`:
 * its workers die, or no worker serves; `problem` says more. `stopping`.
 */
export type AppState = 'starting' | 'ready' | 'reloading' | 'failing' | 'stopping'

export interface AppStatus extends Usage {
  readonly name: string
  /** Prefix of its paths; empty: all. */
  readonly path: string
  /** Names of hosts; empty: all. */
  readonly hosts: readonly string[]
  /** `shop.wsgi:application`. */
  readonly target: string
  readonly state: AppState
  /** What went wrong last, in one line, while it still matters; empty: nothing. */
  readonly problem: string
  /** The generation that serves; null: none yet. */
  readonly generation: number | null
  /** The generation that comes up; null: none. */
  readonly nextGeneration: number | null
  /** `Django 5.2.1`; empty: unknown. */
  readonly framework: string
  /** `3.11.7`; empty: not known yet. */
  readonly python: string
  readonly interface: 'wsgi' | 'asgi' | null
  readonly traffic: AppTraffic | null
  readonly pools: readonly PoolStatus[]
  readonly workers: readonly WorkerStatus[]
}

/** The main pool comes first, and its name is empty. */
export interface PoolStatus {
  readonly name: string
  /** Prefixes of its paths; empty: the main pool, which has the rest. */
  readonly paths: readonly string[]
  /** How many workers there should be. */
  readonly wanted: number
  /** How many serve. */
  readonly serving: number
  /** Requests that wait for one of its workers; null: the gateway did not answer. */
  readonly waiting: number | null
}

/** `starting`: it is forked, imports, or is not linked yet. `warming`. `held`: its generation does not serve yet. `leaving`. */
export type WorkerState = 'starting' | 'warming' | 'held' | 'serving' | 'draining' | 'leaving'

export interface WorkerStatus extends Usage {
  readonly number: number
  /** Null: it is not forked yet. */
  readonly pid: number | null
  readonly pool: string
  readonly generation: number
  readonly state: WorkerState
  readonly age: number
  /** Null: the gateway did not answer, or does not know the worker yet. */
  readonly traffic: WorkerTraffic | null
}

export interface WorkerTraffic {
  /** Requests that it has answered for this gateway. */
  readonly answered: number
  /** Requests that it runs, streams and WebSockets included. */
  readonly running: number
  /** The oldest of them, at most 64. */
  readonly requests: readonly RunningRequest[]
}

/**
 * `running`: no response head yet. `streaming`: the head is out, content follows. `websocket`. `waiting`: sent ahead to the worker, it
 * runs after the one before it. `abandoned`: the client has gone, and the worker runs it on.
 */
export type RequestState = 'running' | 'streaming' | 'websocket' | 'waiting' | 'abandoned'

export interface RunningRequest {
  /** As in the logs. */
  readonly id: string
  readonly method: string
  /** Without the query, at most 200 characters. */
  readonly path: string
  readonly state: RequestState
  /** Since a worker has it. */
  readonly milliseconds: number
}
