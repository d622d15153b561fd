/**
 * `--pid-file`: the master's process id, for scripts and service managers. Appears complete, belongs to one living Jumak at
 * a time, and is removed at the end while it is still ours.
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
  /** Never throws. */
  remove(): void
}

/** Throws an OperatorError when it cannot be written, or names another Jumak that runs. */
export function writePidFile(path: string): PidFile {
  const text = `${process.pid}\n`
  const temporary = `${path}.${process.pid}`
  try {
    const holder = readHolder(path)
    if (holder !== null && isOtherJumak(holder))
      throw new OperatorError(
        `Jumak runs already, as process ${holder} (${path}): stop it, or choose another --pid-file`,
      )
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 })
    renameSync(temporary, path)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    rmSync(temporary, { force: true })
    throw new OperatorError(`cannot write the --pid-file ${path}: ${asErrno(error).message}`)
  }
  return {
    remove() {
      try {
        if (readStart(path) === text) rmSync(path)
      } catch {
        // Somebody was faster.
      }
    },
  }
}

/** The process that a file names; null where it names none. Anything but a pid file is left alone: it throws. */
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

/** Anybody may have put anything there, if the directory is for all: nothing is waited for, and little is read. */
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

/** The number may have gone to somebody else since: in a container it often does. Without /proc, whoever lives counts. */
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
