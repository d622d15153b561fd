/**
 * The private directory of one run: `jumak-<random>`, mode 0700, under the temporary directory. Holds the sockets
 * between the processes (`control.sock`, `w<id>.sock`) and the FIFOs of the workers' output.
 *
 * Invariants: only this user can enter it; it is removed at every end of the master that is not SIGKILL, and what a
 * killed master left is swept by the next start, which recognises it by a `control.sock` that nobody answers.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { asErrno, OperatorError } from './errors.ts'
import { checkSocketPath, isSocketAnswering } from './unix-socket.ts'

const PREFIX = 'jumak-'
/** Between making the directory and listening on `control.sock` a master has nothing to answer with; it takes milliseconds. */
const BOOT_MS = 60_000
/** A shared temporary directory may hold very many entries; a start should not wait for all of them. */
const MAX_SWEPT = 100

export interface RuntimeDirectory {
  readonly path: string
  readonly controlSocket: string
  /** Never throws. */
  remove(): void
}

/** Throws an OperatorError when the directory cannot be made or socket paths in it would be too long. */
export async function createRuntimeDirectory(temporaryDirectory: string): Promise<RuntimeDirectory> {
  await sweep(temporaryDirectory)
  let path: string
  try {
    // mkdtemp makes it with mode 0700.
    path = mkdtempSync(join(temporaryDirectory, PREFIX))
  } catch (error) {
    throw new OperatorError(
      `cannot create a directory in ${temporaryDirectory}: ${asErrno(error).message}; set TMPDIR to a directory that you may write`,
    )
  }
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true })
    } catch {
      // The next start tries again.
    }
  }
  try {
    checkSocketPath(join(path, 'w12345678.sock'), 'the temporary directory is too deep, set TMPDIR to a shorter one')
  } catch (error) {
    remove()
    throw error
  }
  return { path, controlSocket: join(path, 'control.sock'), remove }
}

/** Removes what killed masters of this user left. Errors are no reason not to start. */
async function sweep(temporaryDirectory: string): Promise<void> {
  let names: string[]
  try {
    names = readdirSync(temporaryDirectory).filter(name => name.startsWith(PREFIX))
  } catch {
    return
  }
  await Promise.all(names.slice(0, MAX_SWEPT).map(name => sweepOne(join(temporaryDirectory, name))))
}

async function sweepOne(path: string): Promise<void> {
  try {
    const there = lstatSync(path)
    // lstat: a symbolic link with our prefix is not ours to follow.
    if (!there.isDirectory() || there.uid !== process.getuid?.()) return
    const names = readdirSync(path)
    if (!names.every(isOurs)) return
    if (!names.includes('control.sock') && Date.now() - there.mtimeMs < BOOT_MS) return
    if (await isSocketAnswering(join(path, 'control.sock'))) return
    rmSync(path, { recursive: true, force: true })
  } catch {
    // Another start sweeps at the same time, or it is not ours after all.
  }
}

/** Sockets, FIFOs and nothing else: a directory of the user's that happens to have our prefix stays. */
function isOurs(name: string): boolean {
  return /^(control\.sock|w\d+\.\w+)$/.test(name)
}
