/**
 * The files of the logs. The master writes the program's log itself. The gateway writes the access log as the user that it becomes, and the
 * master makes sure that it can. USR1 reopens both. Runs in the master.
 *
 * Invariants: root opens no file that could be a link of the user's. A log that cannot be written at the start ends the program; later
 * the old file stays in use.
 * Not here: the text of a line (`observe/log.ts`), bounds and drops (`observe/sink.ts`).
 */
import { closeSync, constants, fchownSync, fstatSync, openSync, write, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { standardStream } from '../../base/standard-streams.ts'
import type { Config, Identity } from '../../config/types.ts'
import { Log } from '../../observe/log.ts'
import { LOG_ADVICE, openForAppending, Sink } from '../../observe/sink.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { describeIdentity, runAs, usersOf } from '../host/identity.ts'
import { replaceableStep } from '../host/safe-path.ts'
import type { Narrator } from './narrator.ts'
import type { RemoteLogs } from './remote-logs.ts'

/** How long the end of the program waits for a stuck reader of the log. */
const LAST_LINES_MS = 1000

/** The program's log and its file. What must not be missed also goes to the terminal. */
export class ProgramLog {
  readonly log: Log
  readonly #sink: Sink
  /** Null: standard error, or another standard stream, which somebody looks at. */
  readonly #file: string | null
  /** Null: no other program is told. */
  #remote: RemoteLogs | null = null

  /** Throws what `open` throws, and an OperatorError. */
  constructor(config: Config) {
    const { logFile, logFormat, logLevel } = config
    const stream = logFile === null ? 2 : standardStream(logFile)
    this.#file = stream === null ? logFile : null
    this.#sink = new Sink(
      stream ?? logFile!,
      count => droppedLine(logFormat, count),
      error => stream === null && tellTerminal(`jumak: ${logFile}: ${error.message}: lines of the log are lost\n`),
      path => openLog(usersOf(config), path),
    )
    const terminal = stream === 2 && isatty(2)
    this.log = new Log(this.#sink, logLevel, logFormat, { terminal, colour: terminal && !process.env['NO_COLOR'] })
  }

  /** Lines go to syslog, and are counted for StatsD, from now on, if that is wanted. */
  async openRemote(config: Config): Promise<void> {
    if (config.statsd === null && config.syslog === null) return
    const { openRemoteLogs } = await import('./remote-logs.ts')
    this.#remote = openRemoteLogs(config, this.log)
  }

  /** StatsD is told each second how many workers live. */
  countWorkers(workers: () => number): void {
    this.#remote?.watch(workers)
  }

  /** From now on another program writes to it too (an upgrade). */
  share(): void {
    this.#sink.share()
  }

  /** Throws when the file cannot be opened: the old one stays in use. */
  reopen(): void {
    this.#sink.reopen()
  }

  async close(exitCode: number): Promise<void> {
    await Promise.all([this.#sink.close(LAST_LINES_MS), this.#remote?.close()])
    // The operator looks at the terminal, or at the init system's log.
    if (exitCode !== 0 && this.#file !== null)
      writeSync(2, `jumak: ended with code ${exitCode}, ${this.#file} says why\n`)
  }
}

/** Does not wait: a terminal may be stopped, and a pipe stuck. */
function tellTerminal(line: string): void {
  write(2, line, () => {})
}

/** In the log's format, at every level: a gap in the log always matters. */
function droppedLine(format: 'text' | 'json', count: number): string {
  let line = ''
  const log = new Log({ write: text => (line += text) }, 'error', format)
  log.error('master', `${count} lines of this log were dropped: its reader is too slow, or its disk is full`)
  return line
}

/** Makes sure that the gateway can write its logs as the user that it becomes. Throws an OperatorError. */
export function prepareGatewayLogs(config: Config): void {
  const { accessLog, sites } = config
  prepareGatewayLog(config, accessLog?.path ?? '-', 'access log', '--access-log')
  for (const { name, target } of sites.logs)
    if (target.kind === 'file') prepareGatewayLog(config, target.path, `log ${name}`, 'file')
}

/** `what`: for a message; `setting`: that names the file. */
function prepareGatewayLog(config: Config, path: string, what: string, setting: string): void {
  const { gatewayIdentity: identity } = config
  if (path === '-' || standardStream(path) !== null) return
  try {
    prepareLog(usersOf(config), identity, path)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    const who = identity === null ? '' : ` as ${describeIdentity(identity)}`
    const { code } = asErrno(error)
    throw new OperatorError(`cannot write the ${what} ${path}${who} (${code}): ${LOG_ADVICE} with ${setting}`)
  }
}

/** At USR1: the master reopens the program's log, and the gateway the access log. If that fails, the old file stays in use. */
export function reopenLogs(config: Config, log: ProgramLog, narrator: Narrator, tellGateway: () => void): void {
  try {
    // The gateway may not be allowed to make the file, so the master makes it.
    if (config.gatewayIdentity !== null) prepareGatewayLogs(config)
  } catch (error) {
    // The gateway tries all the same, and keeps the old file if it fails too.
    narrator.error(asErrno(error).message)
  }
  tellGateway()
  try {
    log.reopen()
    narrator.info('logs are opened anew (SIGUSR1)')
  } catch (error) {
    narrator.error(`the log cannot be opened anew: ${asErrno(error).message}; writing on to the old file`)
  }
}

/**
 * Opens a log that the master writes itself. It does so in the name of the first of the users where that works: in a directory of a user a
 * link could lead to any file of root's, and the application decides what the log says. Throws what `open` throws, and an OperatorError.
 */
export function openLog(users: readonly Identity[], path: string): number {
  const [first = null] = users
  try {
    return runAs(first, () => openForAppending(path))
  } catch (error) {
    if (first === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
  }
  // Only root may write there, so root opens it.
  refuseIfRedirectable(users, path)
  const fd = openForAppending(path, constants.O_NOFOLLOW)
  const stats = fstatSync(fd)
  if (!stats.isFile() || stats.nlink === 1) return fd
  closeSync(fd)
  throw new OperatorError(`${path} has another name too, and ${describeIdentity(first)} may not write it`)
}

/** Throws an OperatorError when a user can redirect root by a link in the middle of the path. */
function refuseIfRedirectable(users: readonly Identity[], path: string): void {
  for (const user of users) {
    const step = replaceableStep(user, path)
    if (step === null) continue
    const who = describeIdentity(user)
    throw new OperatorError(
      `${path} is not safe for root to write: ${who} can replace ${step}; choose a file that ${who} may write, or one in a directory of root's`,
    )
  }
}

/**
 * Makes sure that the identity can append to the file, and makes the file if it is missing. `users`: all who could redirect root. Called
 * again before logs are reopened: logrotate may leave it to us to make the file, in a directory where only root may. Throws what `open`
 * throws, and an OperatorError.
 *
 * Root never opens a file that exists already: in a directory of the identity it could be a link to anything.
 */
function prepareLog(users: readonly Identity[], identity: Identity | null, path: string): void {
  const append = () => closeSync(openForAppending(path))
  try {
    runAs(identity, append)
  } catch (error) {
    if (identity === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
    refuseIfRedirectable(users, path)
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640)
      fchownSync(fd, identity.uid, identity.gid)
      closeSync(fd)
    } catch {
      // It exists, and the identity may not write it: the next line throws that again.
    }
    runAs(identity, append)
  }
}
