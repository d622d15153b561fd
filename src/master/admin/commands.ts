/**
 * From a question of the admin socket to the call on the program that it asks for. Runs in the master.
 *
 * Invariants: a name that is not there is answered with the names that are, and nothing is done. An error of ours becomes an answer.
 * Not here: the socket (`server.ts`), what the calls do (`master/main.ts`).
 */
import { closest } from '../../base/closest.ts'
import type { LogLevel } from '../../config/types.ts'
import { ADMIN_VERSION, type AdminQuestion, type ProgramStatus } from '../../control/admin-messages.ts'
import type { Answer, LastAnswer } from './server.ts'

export type Outcome = { readonly message: string } | { readonly error: string }

/** What can be asked of the program. Names of applications and pools that arrive here exist. */
export interface AdminTarget {
  /** The present applications, each with the names of its pools besides the main one. */
  apps(): readonly { readonly name: string; readonly pools: readonly string[] }[]
  status(): Promise<ProgramStatus>
  /** Reads the settings again, and loads the code of this application; null: of all. Resolves when the new code serves or is given up. */
  reload(app: string | null, tell: (progress: string) => void): Promise<Outcome>
  /** Resolves when a new program serves on our sockets, or is given up. */
  upgrade(tell: (progress: string) => void): Promise<Outcome>
  /** Returns when the stop has begun. */
  stop(): Outcome
  /** `pool`: empty: the main pool. */
  setWorkers(app: string, pool: string, count: number): Outcome
  setLogLevel(level: LogLevel): Outcome
  /** Lists upstreams, or changes the servers of one. To drain resolves when the server has no request any more, or after a while. */
  upstream(
    question: Extract<AdminQuestion, { readonly command: 'upstream' }>,
    tell: (progress: string) => void,
  ): Promise<Outcome>
}

/** `onBug`: an error that no command should make. */
export function answerCommands(target: AdminTarget, onBug: (error: unknown) => void): Answer {
  // Several clients that ask at the same time get the same status: it costs a read of each process.
  let status: Promise<ProgramStatus> | null = null
  const answer: Answer = async (question, tell) => {
    if (question.command !== 'status') return said(question, await perform(target, question, tell))
    status ??= target.status().finally(() => {
      status = null
    })
    return { jumak: ADMIN_VERSION, ok: true, command: 'status', ...(await status) }
  }
  return async (question, tell) => {
    try {
      return await answer(question, tell)
    } catch (error) {
      onBug(error)
      return { jumak: ADMIN_VERSION, ok: false, error: 'this is a bug in Jumak; its log says more' }
    }
  }
}

function said({ command }: Exclude<AdminQuestion, { readonly command: 'status' }>, outcome: Outcome): LastAnswer {
  return 'error' in outcome
    ? { jumak: ADMIN_VERSION, ok: false, ...outcome }
    : { jumak: ADMIN_VERSION, ok: true, command, ...outcome }
}

async function perform(
  target: AdminTarget,
  question: Exclude<AdminQuestion, { readonly command: 'status' }>,
  tell: (progress: string) => void,
): Promise<Outcome> {
  switch (question.command) {
    case 'reload': {
      const problem = question.app === undefined ? null : missingApp(target, question.app)
      return problem === null ? target.reload(question.app ?? null, tell) : { error: problem }
    }
    case 'upgrade':
      return target.upgrade(tell)
    case 'stop':
      return target.stop()
    case 'upstream':
      return target.upstream(question, tell)
    case 'log-level':
      return target.setLogLevel(question.level)
    case 'workers': {
      const { app = onlyApp(target), pool = '', workers } = question
      if (app === null) return { error: `workers needs the name of an application: ${names(target).join(', ')}` }
      const problem = missingApp(target, app) ?? missingPool(target, app, pool)
      return problem === null ? target.setWorkers(app, pool, workers) : { error: problem }
    }
  }
}

function names(target: AdminTarget): string[] {
  return target.apps().map(({ name }) => name)
}

/** Null: there are several. */
function onlyApp(target: AdminTarget): string | null {
  const [first, ...others] = names(target)
  return first === undefined || others.length > 0 ? null : first
}

/** Null: it is there. */
function missingApp(target: AdminTarget, app: string): string | null {
  const known = names(target)
  return known.includes(app) ? null : `there is no application '${app}'${hint(app, known, 'applications')}`
}

function missingPool(target: AdminTarget, app: string, pool: string): string | null {
  const known = target.apps().find(({ name }) => name === app)?.pools ?? []
  if (pool === '' || known.includes(pool)) return null
  return `the application ${app} has no pool '${pool}'${hint(pool, known, 'pools')}`
}

/** Of a program with very many applications not all are named. */
const MAX_NAMED = 20

function hint(typed: string, known: readonly string[], what: string): string {
  const meant = closest(typed, known)
  if (meant !== null) return `; did you mean ${meant}?`
  if (known.length === 0) return ''
  return `; the ${what} are ${known.slice(0, MAX_NAMED).join(', ')}${known.length > MAX_NAMED ? ', …' : ''}`
}
