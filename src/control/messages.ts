/**
 * Every message between the master and the others. Three channels, all closed by the death of either end:
 *
 *   master ⇄ gateway    Node's IPC channel                    MasterToGateway / GatewayToMaster
 *   master ⇄ preloader  socket pair, the preloader's fd 3     MasterToPreloader / PreloaderToMaster
 *   master ⇄ worker     `control.sock` in the runtime         MasterToWorker / WorkerToMaster
 *                       directory; the worker connects
 *
 * The last two carry JSON lines: one object a line, UTF-8, at most 1 MiB, `type` first. `python/jumak_worker/process/control.py`
 * is the other end; `test/vectors/control.json` holds an example of each that both languages read.
 */
import type { ErrorPage, GatewayConfig, StaticMount, WarmupRequest } from '../config/types.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

// ---- master ⇄ gateway -------------------------------------------------------------------------------------------

/** A source file as it was the moment before Python read it: milliseconds since 1970, bytes. */
export interface SourceFile {
  readonly path: string
  readonly modified: number
  readonly size: number
}

/** An exception for the error page; made by `failure_report.py`, which bounds every part. */
export interface ErrorReport {
  readonly exceptions: readonly ReportedException[]
  /** The traceback as Python prints it. */
  readonly text: string
}

export interface ReportedException {
  readonly type: string
  readonly message: string
  /** How it led to the one before it in the list: `cause`, `context`; empty for the first. */
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
  /** The user's: neither Python's nor an installed package's. */
  readonly isOwn: boolean
  /** Of a SyntaxError, from 1; 0: unknown. */
  readonly column: number
  /** Number of the first line of `source`. */
  readonly firstLine: number
  readonly source: readonly string[]
}

/** A request that is over, for whoever develops. */
export interface RequestTold {
  /** Its id. */
  readonly request: string
  readonly method: string
  /** With its query; at most some hundred characters. */
  readonly target: string
  /** 499: the client left before there was an answer. */
  readonly status: number
  readonly milliseconds: number
  /** A worker had it: no static file, no answer of the gateway's own. */
  readonly isApplication: boolean
}

/** A listening socket that the gateway inherits. */
export interface InheritedListener {
  readonly fd: number
  /** `http://127.0.0.1:8000`, `unix:/run/app.sock`: for the log. */
  readonly display: string
  readonly unixPath: string | null
}

export type MasterToGateway =
  | {
      readonly type: 'start'
      readonly build: string
      readonly config: GatewayConfig
      readonly listeners: readonly InheritedListener[]
    }
  /** A worker that is ready: connect `slots` links to its socket. */
  | {
      readonly type: 'worker-add'
      readonly worker: number
      readonly pid: number
      readonly socket: string
      readonly slots: number
      readonly generation: number
      /** Answered requests after which `worker-spent` is due; 0: never. */
      readonly maxRequests: number
      readonly interface: 'wsgi' | 'asgi'
      /** It answers these, one after the other, before it gets any request of a client: `worker-warming` comes first. */
      readonly warmup: readonly WarmupRequest[]
    }
  /** Give the worker nothing more, let it finish what it has, close its links, answer `worker-drained`. */
  | { readonly type: 'worker-drain'; readonly worker: number }
  /** Development, as the worker has told it. */
  | { readonly type: 'worker-debugged'; readonly worker: number; readonly isDebugged: boolean }
  /** Workers of later generations get no requests of clients, linked and warm as they are, while there is anybody else. */
  | { readonly type: 'serve'; readonly generation: number }
  /** The program stops after `--shutdown-delay`; `drain` follows, and until then everything is served as before. */
  | { readonly type: 'stopping' }
  /** Stop accepting, finish what runs, answer `drained`; exchanges still running after `deadlineMs` are cut. */
  | { readonly type: 'drain'; readonly deadlineMs: number }
  /** What the applications' settings say, besides `staticMounts` of the configuration; replaces what was said before. */
  | { readonly type: 'static'; readonly mounts: readonly StaticMount[] }
  /** `errorPages` of the configuration, as HUP has read them. */
  | { readonly type: 'error-pages'; readonly pages: readonly ErrorPage[] }
  | { readonly type: 'reopen-logs' }
  /** Answered by `pong` as soon as the gateway's event loop turns. */
  | { readonly type: 'ping' }
  /** Development: the code has changed; requests wait until `sources` or `broken`. */
  | { readonly type: 'hold' }
  /** Development: this generation answers from now on, with code from these files, and none before it. */
  | { readonly type: 'sources'; readonly generation: number; readonly files: readonly SourceFile[] }
  /** Development: the code does not load; requests are answered with this until `sources`. */
  | {
      readonly type: 'broken'
      readonly message: string
      readonly report: ErrorReport | null
      readonly files: readonly SourceFile[]
    }

export type GatewayToMaster =
  | { readonly type: 'pong' }
  /** Development: a file is not any more as the code that serves was read from it. Requests wait. */
  | { readonly type: 'code-changed'; readonly path: string }
  | { readonly type: 'listening' }
  /** Requests that wait or run, twice a second when the number has changed: for the log, if the gateway dies with them. */
  | { readonly type: 'in-flight'; readonly count: number }
  /** Every link of the worker is open, and it answers its warm-up requests; `worker-linked`, `-cold`, `-lost` or `-drained` follows. */
  | { readonly type: 'worker-warming'; readonly worker: number }
  /** It did not answer a warm-up request as it should: its links are closed, it gets no request. */
  | { readonly type: 'worker-cold'; readonly worker: number; readonly note: string }
  /** Every link of the worker is open: requests can go to it. */
  | { readonly type: 'worker-linked'; readonly worker: number }
  | { readonly type: 'worker-drained'; readonly worker: number }
  /** The links broke: the worker died, or it broke the wire's rules (`reason`) and must be replaced. */
  | { readonly type: 'worker-lost'; readonly worker: number; readonly reason: string }
  /** A request ran past its deadline: the client has its 504, the worker must be replaced. `note` says which request,
   *  `request` is its id (empty when nobody waits for it any more), `thread` runs it (empty for ASGI: the event loop). */
  | {
      readonly type: 'worker-stuck'
      readonly worker: number
      readonly note: string
      readonly request: string
      readonly thread: string
    }
  /** It has answered as many requests as `maxRequests` says. Once; it serves on until it is drained. */
  | { readonly type: 'worker-spent'; readonly worker: number; readonly requests: number }
  /** Its event loop does not turn (ASGI): it is asked for its stacks, and is replaced if it stays so (`worker-stuck`). */
  | { readonly type: 'worker-blocked'; readonly worker: number; readonly note: string }
  /** `cut`: exchanges that were still running at the deadline. */
  | { readonly type: 'drained'; readonly cut: number }
  /** Development: a line for each request. */
  | ({ readonly type: 'request' } & RequestTold)
  /** `request`: the id of the one that the line is about. */
  | { readonly type: 'log'; readonly level: Level; readonly message: string; readonly request?: string }

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
      readonly display: string
      /** Where the environment's DJANGO_SETTINGS_MODULE comes from: `by --env`; empty where it has none. */
      readonly settingsFrom: string
      readonly threads: number
      /** Requests that a worker of an ASGI application runs at a time; its `slots`. */
      readonly concurrency: number
      /** auto: a lifespan that the application does not support is none; on: it must; off: not asked. */
      readonly lifespan: 'auto' | 'on' | 'off'
      /** SCRIPT_NAME or `root_path`. */
      readonly rootPath: string
      /** False: the settings of a Django project are not looked at. */
      readonly findStatic: boolean
      /** Report what is imported, and exceptions with their frames. */
      readonly isDevelopment: boolean
      /** `--check`: load the application and end it again; `loaded` or `load-failed` is the last message. */
      readonly isCheck: boolean
      /** Descriptors 0 to 2 are a terminal, for debuggers, and 4 is what the master reads. */
      readonly terminal: boolean
      /** More than one process will answer: `wsgi.multiprocess`. */
      readonly multiprocess: boolean
      /** auto: import before forking unless the inspection finds something; on: import and fork all the same; off: each worker imports. */
      readonly preload: 'on' | 'off' | 'auto'
      /** Another preloader has found hazards: the application's lines are followed, to tell which ones make them. */
      readonly locateHazards: boolean
      /** Whom the preloader, and so its workers, become before anything of the application runs; null: who they are. */
      readonly identity: { readonly uid: number; readonly gid: number; readonly userName: string } | null
      /** Called in each worker after the fork, before it serves. */
      readonly postFork: { readonly module: string; readonly attribute: string } | null
    }
  | { readonly type: 'fork'; readonly worker: number }
  /** The worker's output pipe is open in the master: the preloader closes its own copy. */
  | { readonly type: 'output-opened'; readonly worker: number }
  /** The preloader signals its own children, so no signal ever reaches a stranger that got the number. URG: write where
   *  every thread stands to the output (`master/fleet/stacks.ts`); by default it is ignored. INT: Ctrl-C, for a debugger. */
  | { readonly type: 'signal'; readonly worker: number; readonly signal: 'KILL' | 'URG' | 'INT' }

/** What an application is, once it is imported. */
export interface LoadedApplication {
  /** `3.11.7`. */
  readonly python: string
  /** `mysite.wsgi:application`: module and attribute that was used. */
  readonly application: string
  /** `Django 5.2.1`, `Flask 3.1.3`, or empty. */
  readonly framework: string
  readonly importMs: number
  /** Which wire its workers speak: `apps/wire/frames.ts` or `apps/wire/multiplex.ts`. */
  readonly interface: 'wsgi' | 'asgi'
  /** Null: not a Django project, or nobody looked (`findStatic`). */
  readonly static: FoundStatic | null
}

/** What a Django project's settings say about its static files. */
export interface FoundStatic {
  /** STATIC_ROOT, below STATIC_URL; more than one where a proxy in front may have taken a prefix away. */
  readonly mounts: readonly StaticMount[]
  /** URLs below which a worker asks the finders of `django.contrib.staticfiles`, while developing. */
  readonly finders: readonly string[]
  /** Why there is neither: a phrase. */
  readonly none: string
}

/** Something in the process that does not survive a fork, or that workers would share to their harm. */
export interface ForkHazard {
  readonly kind: 'thread' | 'process' | 'socket' | 'pipe' | 'file' | 'lock' | 'memory' | 'descriptor'
  /** One sentence fragment: `thread "Thread-1 (worker)", started for /srv/app/jobs.py:12`, `file /srv/app/records, opened at
   *  /srv/app/app.py:4`. */
  readonly what: string
}

export interface LoadFailure {
  /** One sentence: what was tried and what is wrong. */
  readonly message: string
  /** The application's frames only, ending in the error; empty when there is nothing to show. */
  readonly traceback: string
}

export type PreloaderToMaster =
  /** Imported, inspected, frozen: ready to fork. `hazards`: with preload on, where it is forked all the same. */
  | ({
      readonly type: 'loaded'
      readonly hazards: readonly ForkHazard[]
      readonly notes: readonly string[]
    } & LoadedApplication)
  /** Development: files that were read since the last time. */
  | { readonly type: 'imported'; readonly files: readonly SourceFile[] }
  /** Development: what `load-failed`, which follows, is about. */
  | { readonly type: 'report'; readonly report: ErrorReport }
  /** Preload off: ready to fork; workers import. */
  | { readonly type: 'waiting' }
  | ({ readonly type: 'load-failed' } & LoadFailure)
  /** Preload auto found hazards. The preloader exits; the master starts another one that locates them, and then one with preload off. */
  | {
      readonly type: 'unsafe'
      readonly hazards: readonly ForkHazard[]
      readonly interface: LoadedApplication['interface']
    }
  /** `output` is the path of a FIFO that the master opens and reads: the worker's stdout and stderr. */
  | { readonly type: 'forked'; readonly worker: number; readonly pid: number; readonly output: string }
  | { readonly type: 'fork-failed'; readonly worker: number; readonly message: string }
  /** `code` or `signal` (a name as `SIGKILL`), the other is null. */
  | {
      readonly type: 'exited'
      readonly worker: number
      readonly pid: number
      readonly code: number | null
      readonly signal: string | null
    }

// ---- master ⇄ worker --------------------------------------------------------------------------------------------

export type MasterToWorker =
  /** Links are closed: leave. Runs atexit handlers; the master kills what is still there after the graceful timeout. */
  | { readonly type: 'stop' }
  /** Say where this thread (`0x00007f3a5c0b1740`), or every one (empty), stands. The control thread answers, with `stacks`. */
  | { readonly type: 'stacks'; readonly thread: string }

export type WorkerToMaster =
  /** Development, as in PreloaderToMaster. */
  | { readonly type: 'imported'; readonly files: readonly SourceFile[] }
  | { readonly type: 'report'; readonly report: ErrorReport }
  /** First, at once after the fork. */
  | { readonly type: 'hello'; readonly build: string; readonly worker: number; readonly pid: number }
  /** Imported, and listening for links on `socket`, one accept per slot. */
  | ({ readonly type: 'ready'; readonly socket: string; readonly slots: number } & LoadedApplication)
  | ({ readonly type: 'load-failed' } & LoadFailure)
  /** Development: somebody looks at it in a debugger, or types an answer; or no longer. Its deadlines are off meanwhile. */
  | { readonly type: 'debugging'; readonly isDebugged: boolean }
  /** For the log, lines as Python writes tracebacks. */
  | { readonly type: 'stacks'; readonly text: string }
