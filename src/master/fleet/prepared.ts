/**
 * Preloaders that evaluate a configuration file of gunicorn before their generation begins: what the file says decides how the
 * program starts, and the same process imports the application then, so the file is evaluated once. Runs in the command line at the start,
 * and in the master at each reload.
 *
 * Invariants: at most one is prepared and waits for its generation; one that is not taken is ended. A file is evaluated as the user of the
 * application. It is evaluated as root only if nobody else can change it.
 * Not here: what the values mean (`src/adapters/`).
 */
import { statSync } from 'node:fs'
import { version } from '../../base/version.ts'
import type { Identity, PythonConfiguration } from '../../config/types.ts'
import type { PreloaderToMaster } from '../../control/messages.ts'
import { OperatorError } from '../errors.ts'
import { openProgram } from '../host/open-program.ts'
import { findPython } from '../host/python.ts'
import { stepOfOthers } from '../host/safe-path.ts'
import { otherUser } from '../host/start-as.ts'
import { describeDuration } from '../output/describe.ts'
import { takeNotifySocket } from '../output/notifier.ts'
import { Outputs } from '../output/output.ts'
import { PROGRAMS } from '../paths.ts'
import { PreloaderHandle } from './preloader-handle.ts'

export interface PreparedPreloader {
  readonly handle: PreloaderHandle
  /** The path of its Python. */
  readonly python: string
}

export type PythonFile = Pick<PythonConfiguration, 'path' | 'module' | 'display'>

/** How a file is evaluated. */
export interface Evaluation {
  readonly file: PythonFile
  /** Is entered, and is first in the import path. */
  readonly directory: string
  /** As `--python` says; null: it is found. */
  readonly python: string | null
  /** Who evaluates it; null: we ourselves. */
  readonly identity: Identity | null
  readonly variables: NodeJS.ProcessEnv
}

export type Evaluated =
  | { readonly values: Readonly<Record<string, unknown>> }
  /** With the frames of the file, if it was its fault. */
  | { readonly problem: string }

/** Import and start-up have limits of their own. */
const PATIENCE: Patience = { tellMs: 10_000, limitMs: 60_000 }
const GROUP_WRITES = 0o020

/** How long a file may take: one that waits for ever would hold the start, or a reload. */
export interface Patience {
  /** After it somebody wonders what is waited for. */
  readonly tellMs: number
  readonly limitMs: number
}

export class PreparedPreloaders {
  readonly outputs = new Outputs()
  /** Gets what the file prints. */
  #print: (line: string) => void
  readonly #patience: Patience
  #next: PreparedPreloader | null = null

  constructor(print: (line: string) => void, patience: Patience = PATIENCE) {
    this.#print = print
    this.#patience = patience
  }

  /** Lines of files go there from now on. */
  printTo(print: (line: string) => void): void {
    this.#print = print
  }

  /** The prepared one, for a generation that begins; null: there is none. */
  take(): PreparedPreloader | null {
    const next = this.#next
    this.#next = null
    return next
  }

  /** Ends the one that waits. */
  drop(): void {
    this.take()?.handle.end()
  }

  /** The process waits for its generation afterwards, in the place of one that waits already. */
  async evaluate(evaluation: Evaluation): Promise<Evaluated> {
    try {
      return await this.#evaluate(evaluation)
    } catch (error) {
      if (error instanceof OperatorError) return { problem: error.message }
      throw error
    }
  }

  async #evaluate({ file, directory, python: explicit, identity, variables }: Evaluation): Promise<Evaluated> {
    const python = await findPython({ explicit, directory, environment: process.env, identity })
    if (process.geteuid?.() === 0 && otherUser(identity) === null) refuseOthersFile(file, directory, python.path)
    const answered = Promise.withResolvers<PreloaderToMaster | string>()
    const environment = { ...variables }
    // As in every process of an application: the service manager hears the master alone.
    takeNotifySocket(environment)
    const handle = new PreloaderHandle({
      python: python.path,
      program: openProgram(identity, PROGRAMS.worker, ''),
      directory,
      environment,
      outputs: this.outputs,
      terminal: false,
      identity,
      first: { type: 'evaluate', build: version, masterPid: process.pid, directory, ...file },
      events: {
        message: message => answered.resolve(message),
        output: line => this.#print(line),
        gone: how => answered.resolve(how),
      },
    })
    const { tellMs, limitMs } = this.#patience
    const limit = describeDuration(limitMs)
    const tell = setTimeout(() => {
      this.#print(`still evaluating ${file.display} after ${describeDuration(tellMs)}; it has ${limit} in all`)
    }, tellMs)
    const timer = setTimeout(() => {
      answered.resolve(`did not end within ${limit}`)
      handle.kill()
    }, limitMs)
    const answer = await answered.promise
    clearTimeout(tell)
    clearTimeout(timer)
    if (typeof answer === 'string') return { problem: `${file.display}: the process that evaluates it ${answer}` }
    if (answer.type === 'evaluated') {
      this.drop()
      this.#next = { handle, python: python.path }
      return { values: answer.values }
    }
    handle.end()
    if (answer.type !== 'load-failed') return { problem: `${file.display}: an unexpected ${answer.type}` }
    return { problem: [answer.message, answer.traceback.trimEnd()].filter(part => part !== '').join('\n') }
  }
}

/** Whoever can change the file, or the Python, would become root. Throws an OperatorError. */
function refuseOthersFile({ path, display }: PythonFile, directory: string, python: string): void {
  for (const [what, place] of [
    [display, path ?? directory],
    [`the Python ${python}`, python],
  ] as const) {
    const step = findStep(place)
    if (step !== null)
      throw new OperatorError(
        `${what} would run as root, and other users can change ${step}: name the user of the application on the command line, with --user`,
      )
  }
}

/** Links are followed to their end: who can change a directory on the way puts another file there. Null: only root can, or it is not there. */
function findStep(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  // It is told when it is opened.
  if (found === undefined) return null
  // Not even the group of root may write a file; `stepOfOthers` trusts that group as root itself.
  return found.isFile() && (found.mode & GROUP_WRITES) !== 0 ? path : stepOfOthers(path)
}
