/**
 * `--pid-file`: the master's process id, for scripts and service managers. Runs in the master.
 *
 * Invariants: the file appears complete; it belongs to one running Jumak at a time, and changes hands in one moment (an upgrade); at the
 * end it is removed only if it is still ours.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { asErrno, OperatorError } from '../errors.ts'

export interface PidFile {
  /** From now on the file has our number. Throws an OperatorError. */
  place(): void
  /** Never throws. */
  remove(): void
}

/** Throws an OperatorError when it cannot be written, or names another Jumak that runs. */
export function writePidFile(path: string): PidFile {
  const file = preparePidFile(path, null)
  file.place()
  return file
}

/** The same, but the file is placed later. `predecessor`: the Jumak whose number may be there until then. */
export function preparePidFile(path: string, predecessor: number | null): PidFile {
  const text = `${process.pid}\n`
  const temporary = preparedPath(path, process.pid)
  try {
    const holder = readHolder(path)
    if (holder !== null && holder !== predecessor && isOtherJumak(holder))
      throw new OperatorError(
        `Jumak runs already, as process ${holder} (${path}): stop it, or choose another --pid-file`,
      )
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    if (error instanceof OperatorError) throw error
    rmSync(temporary, { force: true })
    throw cannotWrite(path, error)
  }
  return {
    place() {
      try {
        renameSync(temporary, path)
      } catch (error) {
        rmSync(temporary, { force: true })
        throw cannotWrite(path, error)
      }
    },
    remove() {
      try {
        rmSync(temporary, { force: true })
        if (readStart(path) === text) rmSync(path)
      } catch {
        // Somebody has removed it already.
      }
    },
  }
}

/** What a process has prepared that was killed before it could place it. Never throws. */
export function removePrepared(path: string, pid: number): void {
  try {
    rmSync(preparedPath(path, pid), { force: true })
  } catch {
    // It is no file of ours.
  }
}

function preparedPath(path: string, pid: number): string {
  return `${path}.${pid}`
}

function cannotWrite(path: string, error: unknown): OperatorError {
  return new OperatorError(`cannot write the --pid-file ${path}: ${asErrno(error).message}`)
}

/** The process that the file names; null: there is no file, or an empty one. Throws for anything that is no pid file, which stays. */
function readHolder(path: string): number | null {
  let text: string
  try {
    text = readStart(path).trim()
  } catch (error) {
    if (asErrno(error).code === 'ENOENT') return null
    throw error
  }
  if (text === '') return null
  if (!/^\d{1,10}$/.test(text))
    throw new OperatorError(`the --pid-file ${path} exists and holds no process id: remove it`)
  return Number(text)
}

/** In a directory such as /tmp anybody may have put anything there: this never blocks, and reads little. */
function readStart(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!fstatSync(fd).isFile()) return 'no file'
    const start = Buffer.alloc(100)
    return start.toString('latin1', 0, readSync(fd, start))
  } finally {
    closeSync(fd)
  }
}

/** Another process may have the number by now, which is usual in containers. Without /proc any running process counts. */
function isOtherJumak(pid: number): boolean {
  if (pid === process.pid || pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (asErrno(error).code === 'ESRCH') return false
  }
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
    // The same program, wherever it is installed.
    return command.some(word => word === process.argv[1] || /\/cli\/main\.[jt]s$/.test(word))
  } catch (error) {
    return process.platform !== 'linux' || asErrno(error).code !== 'ENOENT'
  }
}
