/**
 * Every message between the master and the others. Three channels, all closed by the death of either end:
 *
 *   master ⇄ gateway    Node's IPC channel                    MasterToGateway / GatewayToMaster
 *   master ⇄ preloader  socket pair, the preloader's fd 3     MasterToPreloader / PreloaderToMaster
 *   master ⇄ worker     `control.sock` in the runtime         MasterToWorker / WorkerToMaster
 *                       directory; the worker connects
 *
 * The last two carry JSON lines: one object a line, UTF-8, at most 1 MiB, `type` first. Their other end is
 * `python/jumak_worker/process/control.py`. `test/vectors/control.json` has an example of each message; both languages read it.
 *
 * Not here: what a field may be (`shapes.ts`), the channels themselves (`channel.ts`, `ipc.ts`), the wire (`apps/wire/`).
 */
import type {
  ErrorPage,
  GatewayApp,
  GatewayConfig,
  HttpsConfig,
  ListenScheme,
  PythonConfiguration,
  StaticMount,
  WarmupRequest,
} from '../config/types.ts'
import type { SitesModel } from '../sites/model.ts'
import type { Upstream } from '../sites/upstream-model.ts'
import type { WorkerTraffic } from './admin-messages.ts'
import type { GatewayTls } from './tls-messages.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

// ---- master ⇄ gateway -------------------------------------------------------------------------------------------

/** A source file as it was just before Python read it. `modified`: milliseconds since 1970. `size`: bytes. */
export interface SourceFile {
  readonly path: string
  readonly modified: number
  readonly size: number
}

/** An exception for the error page. `failure_report.py` makes it and bounds every part. */
export interface ErrorReport {
  readonly exceptions: readonly ReportedException[]
  /** The traceback as Python prints it. */
  readonly text: string
}

export interface ReportedException {
  readonly type: string
  readonly message: string
  /** How it led to the exception before it in the list: `cause` or `context`. Empty for the first. */
  readonly relation: string
  /** Frames left out in the middle. */
  readonly omitted: number
  /** Outermost first. */
  readonly frames: readonly ReportedFrame[]
}

export interface ReportedFrame {
  readonly file: string
  readonly line: number
  readonly name: string
  /** The user's own file: neither Python's nor an installed package's. */
  readonly isOwn: boolean
  /** The column of a SyntaxError, from 1. 0: unknown. */
  readonly column: number
  /** Number of the first line of `source`. */
  readonly firstLine: number
  readonly source: readonly string[]
}

/** A request that is over, for the line that a developer sees. */
export interface RequestTold {
  /** The request's id. */
  readonly request: string
  readonly method: string
  /** Path and query, cut to some hundred characters. */
  readonly target: string
  /** 499: the client left before there was an answer. */
  readonly status: number
  readonly milliseconds: number
  /** A worker answered it: it was no static file, and no answer of the gateway's own. */
  readonly isApplication: boolean
  /** The application that got it; empty: none, or there is only one. */
  readonly app: string
}

/** What the gateway does at this moment, for `jumak status`. It names 2000 requests at most, so it has less than a megabyte. */
export interface TrafficReport {
  /** Open connections of clients. */
  readonly connections: number
  /** Of them, those that speak HTTP/2. */
  readonly http2Connections: number
  /** Requests on them. */
  readonly streams: number
  readonly pools: readonly ReportedPool[]
  readonly workers: readonly ReportedWorker[]
  /** Of the sites that are in force. */
  readonly upstreams: readonly ReportedUpstream[]
}

/** A group that requests are passed on to. */
export interface ReportedUpstream {
  readonly name: string
  /** Requests that wait for a server with room, of all threads. */
  readonly waiting: number
  readonly servers: readonly ReportedServer[]
}

export interface ReportedServer {
  /** As in the configuration, without its settings. */
  readonly label: string
  /** Requests that it has, streams and WebSockets included, of all threads. */
  readonly running: number
  /** Since this gateway started, modulo 2^32: requests that it got, and failures of it. */
  readonly requests: number
  readonly failures: number
  /** It has failed, and gets nothing for a while. */
  readonly isOut: boolean
  /** It fails more than it should, and gets nothing for a while (`outlier-ejection`). */
  readonly isEjected: boolean
  /** In all threads: it gets no new request. */
  readonly isDraining: boolean
}

export interface ReportedPool {
  readonly app: string
  /** Empty: the main pool. */
  readonly pool: string
  /** Requests that wait for a worker. */
  readonly waiting: number
  /** Since the gateway started. */
  readonly answered: number
  /** Answered requests a second, over the last seconds. */
  readonly perSecond: number
}

export type ReportedWorker = WorkerTraffic & { readonly worker: number }

/** `id`: of the question `report`. */
export type Reported = { readonly type: 'reported'; readonly id: number } & TrafficReport

/** A listening socket that the gateway inherits. */
export interface InheritedListener {
  readonly fd: number
  /** `http://127.0.0.1:8000`, `unix:/run/app.sock`: for the log. */
  readonly display: string
  readonly unixPath: string | null
  /** Of TCP; 0: a Unix socket. */
  readonly port: number
  /** `fd://`: whoever bound it has it too, so what waits in it when we close it is not lost. */
  readonly isShared: boolean
  /** What is spoken here. `https`: clients speak TLS. */
  readonly scheme: ListenScheme
  /** Each connection begins with a header of the PROXY protocol. */
  readonly hasProxyHeader: boolean
}

export type MasterToGateway =
  | {
      readonly type: 'start'
      readonly build: string
      readonly config: GatewayConfig
      /** 32 secret bytes in hexadecimal digits, from which affinity makes signatures and hashes. */
      readonly affinityKey: string
      readonly listeners: readonly InheritedListener[]
      /** Null: all listeners are `http`. */
      readonly tls: GatewayTls | null
      /** An upgrade: `listening` comes at once, so that workers are linked, and clients are accepted after `accept`. */
      readonly waits: boolean
    }
  /** After a `start` that waits: listen now. The answer is `accepting`. */
  | { readonly type: 'accept' }
  /** A worker is ready: connect `slots` links to its socket. `app`: the application's name. `pool`: the pool's name there. */
  | {
      readonly type: 'worker-add'
      readonly app: string
      readonly pool: string
      readonly worker: number
      readonly pid: number
      readonly socket: string
      readonly slots: number
      readonly generation: number
      /** Prefix of the application's paths that the generation was started with: its workers know it as SCRIPT_NAME. Empty: none. */
      readonly path: string
      /** `worker-spent` is due after this many answered requests. 0: never. */
      readonly maxRequests: number
      readonly interface: 'wsgi' | 'asgi'
      /** WSGI in greenlets: one link carries all requests, as for ASGI. */
      readonly isGreen: boolean
      /** It served for the gateway before this one, and may still run requests of that gateway. */
      readonly hasServed: boolean
      /** The worker is another user than the gateway, which opens none of its files. */
      readonly isApart: boolean
      /** The worker answers these, one after the other, before it gets a client's request. `worker-warming` comes before them. */
      readonly warmup: readonly WarmupRequest[]
    }
  /** Send the worker nothing more, let it finish its requests, close its links, answer `worker-drained`. */
  | { readonly type: 'worker-drain'; readonly worker: number }
  /** Development: passed on from the worker (`debugging`). */
  | { readonly type: 'worker-debugged'; readonly worker: number; readonly isDebugged: boolean }
  /**
   * This generation of the application serves. While there are others, workers of later generations get no client's request, even if they
   * are linked and warm. `path`: prefix of the application's paths that the generation was started with. That of the configuration may be
   * newer, and is then for a later generation.
   */
  | { readonly type: 'serve'; readonly app: string; readonly generation: number; readonly path: string }
  /** The program stops after `--shutdown-delay`. `drain` follows; until then everything is served as before. */
  | { readonly type: 'stopping' }
  /**
   * Stop accepting, finish what runs, answer `drained`. Exchanges that still run after `deadlineMs` are cut. `handedOn`: descriptors of
   * listeners on which a new Jumak listens: it accepts what waits there.
   */
  | { readonly type: 'drain'; readonly deadlineMs: number; readonly handedOn: readonly number[] }
  /** While it drains: the application has no worker any more, and no other follows. What waits for one is answered. */
  | { readonly type: 'no-worker'; readonly app: string }
  /** Directories from the application's settings, besides `staticMounts` of the configuration. Replaces those of the last `static`. */
  | { readonly type: 'static'; readonly app: string; readonly mounts: readonly StaticMount[] }
  /** `errorPages` of the configuration, after HUP has read it again. */
  | { readonly type: 'error-pages'; readonly pages: readonly ErrorPage[] }
  /** `trustedProxies` of the configuration, after HUP has read it again: for requests that begin later. */
  | { readonly type: 'trusted-proxies'; readonly ranges: readonly string[] }
  /** `redirect-to-https` and `hsts` of the configuration, after HUP has read it again: for requests that begin later. */
  | { readonly type: 'https'; readonly https: HttpsConfig }
  /** All applications, after HUP has read the configuration again. Those that are missing finish what runs. */
  | {
      readonly type: 'apps'
      readonly apps: readonly GatewayApp[]
      /** Of those that are new. Another one than in `start` where the first application with cookies is among them. */
      readonly affinityKey: string
      readonly sites: SitesModel
    }
  /** Servers of upstreams have come, gone, or are drained. All upstreams of the sites in force, as in `apps`. */
  | { readonly type: 'upstreams'; readonly upstreams: readonly Upstream[] }
  /** Certificates and keys that were read again, or new keys of tickets. For new connections: those that are open keep what they have. */
  | { readonly type: 'tls'; readonly tls: GatewayTls }
  | { readonly type: 'reopen-logs' }
  /** What `log` may be about: from now on, lines of this level and above. */
  | { readonly type: 'log-level'; readonly level: Level }
  /** For `jumak status`: `reported` follows, with the same id. */
  | { readonly type: 'report'; readonly id: number }
  /** The gateway answers `pong` as soon as its event loop turns. */
  | { readonly type: 'ping' }
  /** Development: the code has changed. Requests wait until `sources` or `broken`. */
  | { readonly type: 'hold'; readonly app: string }
  /** Development: from now on this generation answers, and no older one. Its code comes from these files. */
  | {
      readonly type: 'sources'
      readonly app: string
      readonly generation: number
      readonly files: readonly SourceFile[]
    }
  /** Development: the code does not load. Requests are answered with this error until `sources`. */
  | {
      readonly type: 'broken'
      readonly app: string
      readonly message: string
      readonly report: ErrorReport | null
      readonly files: readonly SourceFile[]
    }

/** What is in force from one moment on: where the gateway has several threads, in all of them from the same moment on. */
export type GatewayChange = Extract<
  MasterToGateway,
  {
    readonly type:
      | 'serve'
      | 'static'
      | 'error-pages'
      | 'trusted-proxies'
      | 'https'
      | 'apps'
      | 'upstreams'
      | 'tls'
      | 'stopping'
  }
>

export type GatewayStart = Extract<MasterToGateway, { readonly type: 'start' }>

export type GatewayToMaster =
  | { readonly type: 'pong' }
  /** Development: a file has changed since the serving code was read from it. Requests wait. */
  | { readonly type: 'code-changed'; readonly app: string; readonly path: string }
  | { readonly type: 'listening' }
  | { readonly type: 'accepting' }
  /** How many requests wait or run. Sent twice a second when the number has changed: the log names it if the gateway dies. */
  | { readonly type: 'in-flight'; readonly count: number }
  | Reported
  /** A link of the worker is open, and its warm-up has begun. `worker-linked`, `-cold`, `-lost` or `-drained` follows. */
  | { readonly type: 'worker-warming'; readonly worker: number }
  /** The worker failed in its warm-up. Its links are closed, and it gets no request. */
  | { readonly type: 'worker-cold'; readonly worker: number; readonly note: string }
  /** A link of the worker is open, and the worker is warm: it can get requests. Its other links follow. */
  | { readonly type: 'worker-linked'; readonly worker: number }
  | { readonly type: 'worker-drained'; readonly worker: number }
  /** The links broke. The worker has died, or it broke the wire's rules (`reason`) and must be replaced. */
  | { readonly type: 'worker-lost'; readonly worker: number; readonly reason: string }
  /** A request ran past its deadline: the client got a 504, and the worker must be replaced. `note` says which request. `request` is its
   *  id, empty when nobody waits for it any more. `thread` runs it; empty for ASGI and gevent, where one thread runs all. */
  | {
      readonly type: 'worker-stuck'
      readonly worker: number
      readonly note: string
      readonly request: string
      readonly thread: string
    }
  /** The worker has answered `maxRequests` requests. Sent once. The worker serves on until it is drained. */
  | { readonly type: 'worker-spent'; readonly worker: number; readonly requests: number }
  /** The worker's event loop does not turn (ASGI, gevent). The master asks for its stacks. If it stays blocked, `worker-stuck` follows. */
  | { readonly type: 'worker-blocked'; readonly worker: number; readonly note: string }
  /** The drain is over. `cut`: exchanges that still ran at the deadline. */
  | { readonly type: 'drained'; readonly cut: number }
  /** Development: a line for each request. */
  | ({ readonly type: 'request' } & RequestTold)
  /** `request`: the id of the request that the line is about. `app`: the application; it is named where there are several. */
  | {
      readonly type: 'log'
      readonly level: Level
      readonly message: string
      readonly request?: string
      readonly app?: string
    }

// ---- master ⇄ preloader -----------------------------------------------------------------------------------------

export type MasterToPreloader =
  | {
      readonly type: 'start'
      readonly build: string
      readonly generation: number
      readonly masterPid: number
      readonly runtimeDirectory: string
      readonly directory: string
      readonly module: string | null
      readonly file: string | null
      readonly attributes: readonly string[]
      readonly factory: boolean
      /** `file` is one of PasteDeploy, the attribute is a section of it, and these are its global variables. Null: it is none. */
      readonly paste: Readonly<Record<string, string>> | null
      readonly display: string
      /** Directories from which Python imports before all others. */
      readonly importPath: readonly string[]
      /** How the application is called; auto: Python looks at it. */
      readonly interface: 'auto' | 'wsgi' | 'asgi3' | 'asgi2'
      readonly loop: 'auto' | 'asyncio' | 'uvloop'
      /** A file that sets up Python's logging before the import; null: none. */
      readonly logConfig: string | null
      /** Loggers of another server that the application may use; null: none. `level`: as Python counts. */
      readonly loggers: { readonly server: 'uvicorn'; readonly level: number | null } | null
      /** Where DJANGO_SETTINGS_MODULE of the environment comes from, as `by --env`. Empty: it is not set. */
      readonly settingsFrom: string
      readonly threads: number
      /** Requests that a worker runs at a time with ASGI or gevent: its `slots`. */
      readonly concurrency: number
      /** Of a WSGI application: auto has threads, gevent greenlets. */
      readonly workerClass: 'auto' | 'gevent'
      /** Threads of the gateway: each opens a link to each slot of a worker (ASGI, gevent: to each worker). Beyond 1 a slot of a WSGI worker has a
       *  socket of its own: the path that `ready` names with `.` and the slot's number behind it, from 0. Nothing listens on that path. */
      readonly links: number
      /** auto: an application may be without lifespan. on: it must support it. off: it is not asked. */
      readonly lifespan: 'auto' | 'on' | 'off'
      /** SCRIPT_NAME or `root_path`. */
      readonly rootPath: string
      /** False: nobody looks at the settings of a Django project. */
      readonly findStatic: boolean
      /** Report what is imported, and exceptions with their frames. */
      readonly isDevelopment: boolean
      /** `--check`: load the application and end it again. `loaded` or `load-failed` is the last message. */
      readonly isCheck: boolean
      /** Descriptors 0 to 2 are a terminal, for debuggers. The master reads descriptor 4 instead. */
      readonly terminal: boolean
      /** More than one process will answer: `wsgi.multiprocess`. */
      readonly multiprocess: boolean
      /** on: import before the fork. auto: the same, unless the inspection finds hazards. off: each worker imports. */
      readonly preload: 'on' | 'off' | 'auto'
      /** Another preloader has found hazards: follow the application's lines, to tell which of them make the hazards. */
      readonly locateHazards: boolean
      /** The user that preloader and workers become before anything of the application runs. Null: they stay what they are. */
      readonly identity: { readonly uid: number; readonly gid: number; readonly userName: string } | null
      /** The gateway is another user: workers make their sockets for its group too, and offer it no files. */
      readonly isApart: boolean
      /** `--post-fork`: called in each worker after the fork, before it serves. */
      readonly postFork: { readonly module: string; readonly attribute: string } | null
      /** Of `jumak gunicorn`; null: there is none. */
      readonly configuration: StartConfiguration | null
    }
  /** Before the start, if at all: the answer is `evaluated` or `load-failed`. */
  | ({
      readonly type: 'evaluate'
      readonly build: string
      readonly masterPid: number
      /** It is entered, and is first in the import path. */
      readonly directory: string
    } & Pick<PythonConfiguration, 'path' | 'module' | 'display'>)
  /** The program stops: the end of the channel, which follows, is not that of an old generation. */
  | { readonly type: 'stopping' }
  /** `token`: random, and only this worker may know it. */
  | { readonly type: 'fork'; readonly worker: number; readonly token: string }
  /** The master has opened the worker's output: the preloader closes its own copy. */
  | { readonly type: 'output-opened'; readonly worker: number }
  /** The preloader signals its own children, so no signal reaches a stranger that got the same process id. URG: write the stacks of all
   *  threads to the output (`master/fleet/stacks.ts`); by default it is ignored. INT: Ctrl-C, for a debugger. */
  | { readonly type: 'signal'; readonly worker: number; readonly signal: 'KILL' | 'URG' | 'INT' }

export interface StartConfiguration extends PythonConfiguration {
  /** `--env`: the process may have been started before they were known. */
  readonly variables: Readonly<Record<string, string>>
  readonly umask: number | null
  /** Another generation has been before. */
  readonly isReload: boolean
}

/** What is known of an application after its import. */
export interface LoadedApplication {
  /** `3.11.7`. */
  readonly python: string
  /** The module and attribute that are used: `mysite.wsgi:application`. */
  readonly application: string
  /** `Django 5.2.1`, `Flask 3.1.3`, or empty. */
  readonly framework: string
  readonly importMs: number
  /** With gevent the wire of WSGI is that of `apps/wire/multiplex.ts`, too. */
  readonly interface: 'wsgi' | 'asgi'
  /** Null: it is not a Django project, or nobody looked (`findStatic`). */
  readonly static: FoundStatic | null
}

/** What a Django project's settings say about its static files. */
export interface FoundStatic {
  /** STATIC_ROOT, served below STATIC_URL. More than one, where a proxy in front may have removed a prefix. */
  readonly mounts: readonly StaticMount[]
  /** Development: below these URLs a worker asks the finders of `django.contrib.staticfiles`. */
  readonly finders: readonly string[]
  /** A phrase: why there are neither mounts nor finders. */
  readonly none: string
}

/** Something in the preloader that does not survive a fork, or that workers must not share. */
export interface ForkHazard {
  readonly kind: 'thread' | 'process' | 'socket' | 'pipe' | 'file' | 'lock' | 'memory' | 'descriptor'
  /** A phrase: `thread "Thread-1 (worker)", started for /srv/app/jobs.py:12`, `file /srv/app/records, opened at
   *  /srv/app/app.py:4`. */
  readonly what: string
}

export interface LoadFailure {
  /** One sentence: what was tried, and what is wrong. */
  readonly message: string
  /** The application's frames only, with the error at the end. Empty: there is nothing to show. */
  readonly traceback: string
}

export type PreloaderToMaster =
  /** Imported, inspected, frozen: ready to fork. `hazards`: with preload on, which forks in spite of them. */
  | ({
      readonly type: 'loaded'
      readonly hazards: readonly ForkHazard[]
      readonly notes: readonly string[]
    } & LoadedApplication)
  /** Development: the files that Python has read since the last `imported`. */
  | { readonly type: 'imported'; readonly files: readonly SourceFile[] }
  /** Development: the exception of the `load-failed` that follows. */
  | { readonly type: 'report'; readonly report: ErrorReport }
  /** Preload off: ready to fork. The workers import. */
  | { readonly type: 'waiting' }
  | ({ readonly type: 'load-failed' } & LoadFailure)
  /** The names of the file, as JSON: a function or class is `{"callable": its name}`, what is no JSON `{"object": its type}`. */
  | { readonly type: 'evaluated'; readonly values: Readonly<Record<string, unknown>> }
  /** Preload auto found hazards. The preloader exits. The master starts one that locates them, and then one with preload off. */
  | {
      readonly type: 'unsafe'
      readonly hazards: readonly ForkHazard[]
      readonly interface: LoadedApplication['interface']
    }
  /** `output`: the path of a FIFO that the master opens and reads. It is the worker's stdout and stderr. */
  | { readonly type: 'forked'; readonly worker: number; readonly pid: number; readonly output: string }
  | { readonly type: 'fork-failed'; readonly worker: number; readonly message: string }
  /** Either `code` or `signal` (a name such as `SIGKILL`); the other is null. */
  | {
      readonly type: 'exited'
      readonly worker: number
      readonly pid: number
      readonly code: number | null
      readonly signal: string | null
    }

// ---- master ⇄ worker --------------------------------------------------------------------------------------------

export type MasterToWorker =
  /** The links are closed: run the atexit handlers and leave. After the graceful timeout the master kills the worker. */
  | { readonly type: 'stop' }
  /** Send the stack of this thread (`0x00007f3a5c0b1740`), or of all threads (empty). The control thread answers with `stacks`. */
  | { readonly type: 'stacks'; readonly thread: string }

export type WorkerToMaster =
  /** Development: as in PreloaderToMaster, and so is `report`. */
  | { readonly type: 'imported'; readonly files: readonly SourceFile[] }
  | { readonly type: 'report'; readonly report: ErrorReport }
  /** The first message, right after the fork. `token`: that of `fork`. */
  | {
      readonly type: 'hello'
      readonly build: string
      readonly worker: number
      readonly pid: number
      readonly token: string
    }
  /** The application is imported. The worker listens for links on `socket` and accepts one for each slot. */
  | ({ readonly type: 'ready'; readonly socket: string; readonly slots: number } & LoadedApplication)
  | ({ readonly type: 'load-failed' } & LoadFailure)
  /** Development: whether somebody has a thread of the worker in a debugger, or types an answer to `input()`. Meanwhile its deadlines are off. */
  | { readonly type: 'debugging'; readonly isDebugged: boolean }
  /** For the log: lines as Python writes tracebacks. */
  | { readonly type: 'stacks'; readonly text: string }
