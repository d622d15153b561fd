/**
 * The files of logs, as the master sees them: it writes the program's log itself, and sees to it that the gateway can write the
 * access log as the user that it becomes. Both are opened anew at USR1. Runs in the master.
 *
 * Invariants: root opens no file that might be a link of the user's; a log that cannot be written at start ends the program, later
 * the old file is written on. Not here: what a line says (`observe/`), bounds and drops (`observe/sink.ts`).
 */
import { closeSync, constants, fchownSync, fstatSync, openSync, write, writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import { standardStream } from '../../base/standard-streams.ts'
import type { Config, Identity } from '../../config/types.ts'
import { Log } from '../../observe/log.ts'
import { LOG_ADVICE, openForAppending, Sink } from '../../observe/sink.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { describeIdentity, runAs } from '../host/identity.ts'
import { replaceableStep } from '../host/safe-path.ts'
import type { Narrator } from './narrator.ts'

/** A reader of the log that is stuck does not hold up the end. */
const LAST_LINES_MS = 1000

/** The program's log; what it is written with, and where its words go that must not be missed. */
export class ProgramLog {
  readonly log: Log
  readonly #sink: Sink
  /** Null: standard error, or another stream that somebody looks at. */
  readonly #file: string | null

  /** Throws what `open` throws, and an OperatorError. */
  constructor({ logFile, logFormat, logLevel, identity }: Config) {
    const stream = logFile === null ? 2 : standardStream(logFile)
    this.#file = stream === null ? logFile : null
    this.#sink = new Sink(
      stream ?? logFile!,
      count => droppedLine(logFormat, count),
      error => stream === null && tellTerminal(`jumak: ${logFile}: ${error.message}: lines of the log are lost\n`),
      path => openLog(identity, path),
    )
    const terminal = stream === 2 && isatty(2)
    this.log = new Log(this.#sink, logLevel, logFormat, { terminal, colour: terminal && !process.env['NO_COLOR'] })
  }

  /** Throws; the old file stays. */
  reopen(): void {
    this.#sink.reopen()
  }

  async close(exitCode: number): Promise<void> {
    await this.#sink.close(LAST_LINES_MS)
    // Whoever started it looks at the terminal, or at what the init system has caught.
    if (exitCode !== 0 && this.#file !== null)
      writeSync(2, `jumak: ended with code ${exitCode}, ${this.#file} says why\n`)
  }
}

/** Waits for nobody: a terminal may be stopped, a pipe stuck. */
function tellTerminal(line: string): void {
  write(2, line, () => {})
}

/** In the log's own format, past its level: what is missing matters at every one. */
function droppedLine(format: 'text' | 'json', count: number): string {
  let line = ''
  const log = new Log({ write: text => (line += text) }, 'error', format)
  log.error('master', `${count} lines of this log were dropped: its reader is too slow, or its disk is full`)
  return line
}

/** The gateway writes it, as the user that it becomes; whether it can is told now, in a sentence: an OperatorError. */
export function prepareAccessLog({ accessLog, identity }: Config): void {
  const path = accessLog?.path ?? '-'
  if (path === '-' || standardStream(path) !== null) return
  try {
    prepareLog(identity, path)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    const who = identity === null ? '' : ` as ${describeIdentity(identity)}`
    const { code } = asErrno(error)
    throw new OperatorError(`cannot write the access log ${path}${who} (${code}): ${LOG_ADVICE} with --access-log`)
  }
}

/** At USR1: the program's log, and by the gateway the access log. What cannot be opened is written on to the old file. */
export function reopenLogs(config: Config, log: ProgramLog, narrator: Narrator, tellGateway: () => void): void {
  try {
    // Where the gateway may not make a file, we do. Its own open says what else is wrong.
    if (config.identity !== null) prepareAccessLog(config)
  } catch (error) {
    // The gateway tries as well, and writes on to the old file.
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
 * Opens a log that the master writes itself: in the identity's name where that works, for in a directory of theirs a link might
 * lead to any file of root's, and what the application prints stands in it. Throws what `open` throws, and an OperatorError.
 */
export function openLog(identity: Identity | null, path: string): number {
  try {
    return runAs(identity, () => openForAppending(path))
  } catch (error) {
    if (identity === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
  }
  // Only root may write there.
  refuseIfLed(identity, path)
  const fd = openForAppending(path, constants.O_NOFOLLOW)
  const stats = fstatSync(fd)
  if (!stats.isFile() || stats.nlink === 1) return fd
  closeSync(fd)
  throw new OperatorError(`${path} has another name too, and ${describeIdentity(identity)} may not write it`)
}

/** Throws an OperatorError: their link in the middle of the path would have root write to any file. */
function refuseIfLed(identity: Identity, path: string): void {
  const step = replaceableStep(identity, path)
  if (step === null) return
  const who = describeIdentity(identity)
  throw new OperatorError(
    `${path} is not safe for root to write: ${who} can replace ${step}; choose a file that ${who} may write, or one in a directory of root's`,
  )
}

/**
 * Sees to it that the identity can append to the file, and makes it where it is missing; called again before logs are
 * reopened, since logrotate may leave the making to us, in a directory where only root may. Throws what `open` throws.
 *
 * Root itself never opens a file that is there already: in a directory of the identity's it might be a link to anything.
 */
function prepareLog(identity: Identity | null, path: string): void {
  const append = () => closeSync(openForAppending(path))
  try {
    runAs(identity, append)
  } catch (error) {
    if (identity === null || process.geteuid?.() !== 0 || asErrno(error).code !== 'EACCES') throw error
    refuseIfLed(identity, path)
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640)
      fchownSync(fd, identity.uid, identity.gid)
      closeSync(fd)
    } catch {
      // It is there, and not theirs: what they were told stands.
    }
    runAs(identity, append)
  }
}
