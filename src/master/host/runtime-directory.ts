/**
 * The private directory of one run: `jumak-<random>`, mode 0700, in the first of these that can be used: the one that systemd made for
 * us ($RUNTIME_DIRECTORY), the user's own ($XDG_RUNTIME_DIR), the temporary directory. It has the sockets between the processes
 * (`control.sock`, `w<id>.sock`) and the FIFOs for the workers' output. Runs in the master.
 *
 * Invariants: only root and the user of our children can enter it. The master removes it at every end but SIGKILL; the next start removes
 * what a killed master left, which has a `control.sock` that nobody answers. Cleaners of temporary directories go by age, so it is touched
 * every hour. If it disappears all the same, or something else is in its place or its socket's, `repair` mends it before the next fork.
 * Open links do not need it.
 */
import { chmodSync, lstatSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { describeIdentity, giveTo, runAs } from './identity.ts'
import { checkSocketPath, isSocketAnswering } from './unix-socket.ts'

const PREFIX = 'jumak-'
/** A directory without `control.sock` may belong to a master that is just starting, which takes milliseconds. */
const BOOT_MS = 60_000
/** A shared temporary directory may have very many entries, and a start should not wait for all of them. */
const MAX_SWEPT = 100
const TOUCH_MS = 3_600_000
/** The mode of the directory. */
const MODE = 0o700

export interface RuntimeDirectory {
  readonly path: string
  readonly controlSocket: string
  /**
   * Mends the directory. Empty: nothing was wrong. Otherwise what had happened, for the log; the socket must be made again if it is not
   * there. `isControlSocketOurs`: the file at its path is our socket. Throws an OperatorError.
   */
  repair(isControlSocketOurs: () => boolean): string
  /** Never throws. */
  remove(): void
}

export interface RuntimeDirectoryOptions {
  readonly temporaryDirectory: string
  /** The user that our children become. */
  readonly identity?: Identity | null
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Throws an OperatorError when the directory cannot be made or socket paths in it would be too long. */
export async function createRuntimeDirectory(options: RuntimeDirectoryOptions): Promise<RuntimeDirectory> {
  const { temporaryDirectory, identity = null, environment = {} } = options
  const preferred = [environment['RUNTIME_DIRECTORY']?.split(':')[0], environment['XDG_RUNTIME_DIR']]
  for (const parent of preferred) {
    if (!parent?.startsWith('/')) continue
    try {
      return await createIn(parent, identity)
    } catch {
      // It belongs to another user (sudo keeps the variable), is too deep, or is not there: try the next one.
    }
  }
  return createIn(temporaryDirectory, identity)
}

async function createIn(parent: string, identity: Identity | null): Promise<RuntimeDirectory> {
  await sweep(parent, identity)
  let path: string
  try {
    // mkdtemp makes it with mode 0700.
    path = mkdtempSync(join(parent, PREFIX))
  } catch (error) {
    throw new OperatorError(
      `cannot create a directory in ${parent}: ${asErrno(error).message}; choose one that you may write with --temp-dir`,
    )
  }
  try {
    checkSocketPath(
      join(path, 'w12345678.sock'),
      'the temporary directory is too deep, choose a shorter one with --temp-dir',
    )
    hand(path, identity)
  } catch (error) {
    removeDirectory(path, identity)
    throw error
  }
  return keep(path, identity)
}

function hand(path: string, identity: Identity | null): void {
  giveTo(identity, path)
  try {
    runAs(identity, () => readdirSync(path))
  } catch (error) {
    if (identity === null || error instanceof OperatorError) throw error
    throw new OperatorError(
      `${describeIdentity(identity)} cannot enter ${path} (${asErrno(error).code}): choose a directory that is open to them with --temp-dir`,
    )
  }
}

function keep(path: string, identity: Identity | null): RuntimeDirectory {
  const controlSocket = join(path, 'control.sock')
  const timer = setInterval(() => touch(path), TOUCH_MS)
  timer.unref()
  return {
    path,
    controlSocket,
    repair: isControlSocketOurs =>
      repairDirectory(path, identity) || freeSocket(controlSocket, identity, isControlSocketOurs),
    remove() {
      clearInterval(timer)
      removeDirectory(path, identity)
    },
  }
}

/** What had happened to it; empty: nothing. Acts in its owner's name, for the reason of `removeDirectory`. */
function repairDirectory(path: string, identity: Identity | null): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  const uid = identity?.uid ?? process.geteuid?.()
  try {
    if (found?.isDirectory() && found.uid === uid) {
      if ((found.mode & 0o777) === MODE) return ''
      runAs(identity, () => chmodSync(path, MODE))
      return `had mode ${(found.mode & 0o777).toString(8)}, and has mode 700 again`
    }
    if (found !== undefined) runAs(identity, () => (found.isDirectory() ? rmdirSync(path) : unlinkSync(path)))
    // Fails if somebody else has put something there.
    mkdirSync(path, { mode: MODE })
    hand(path, identity)
  } catch (error) {
    const what = found === undefined ? 'has disappeared' : 'has been replaced'
    throw new OperatorError(
      `the runtime directory ${path} ${what} and cannot be made again (${asErrno(error).message}): keep cleaners of temporary files away from it`,
    )
  }
  return `had ${found === undefined ? 'disappeared' : 'been replaced'} and was made again`
}

/** What had happened to the control socket; empty: nothing. Otherwise its path is free now. */
function freeSocket(path: string, identity: Identity | null, isOurs: () => boolean): string {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return `had lost its ${basename(path)}, which was made again`
  if (isOurs()) return ''
  try {
    runAs(identity, () => (found.isDirectory() ? rmdirSync(path) : unlinkSync(path)))
  } catch (error) {
    throw new OperatorError(
      `something else is in the place of ${path} and cannot be removed (${asErrno(error).message}): no worker could reach the master`,
    )
  }
  return `had something else in the place of its ${basename(path)}, which was made again`
}

/** Makes everything in it look new to a cleaner. */
function touch(path: string): void {
  const now = new Date()
  try {
    for (const name of readdirSync(path)) lutimesSync(join(path, name), now, now)
    lutimesSync(path, now, now)
  } catch {
    // A worker has ended meanwhile, or the directory has gone, which `repair` mends.
  }
}

/**
 * Acts in its owner's name, and never recursively: while files are removed, the owner can replace any of them by anything. There are no
 * directories in it.
 */
function removeDirectory(path: string, identity: Identity | null): void {
  try {
    const isTheirs = lstatSync(path).uid === identity?.uid
    try {
      runAs(isTheirs ? identity : null, () => {
        for (const name of readdirSync(path).filter(isOurs)) unlinkSync(join(path, name))
      })
    } finally {
      rmdirSync(path)
    }
  } catch {
    // The next start tries again.
  }
}

/** Removes what killed masters of this user left. Errors do not prevent a start. */
async function sweep(parent: string, identity: Identity | null): Promise<void> {
  let names: string[]
  try {
    names = readdirSync(parent).filter(name => name.startsWith(PREFIX))
  } catch {
    return
  }
  await Promise.all(names.slice(0, MAX_SWEPT).map(name => sweepOne(join(parent, name), identity)))
}

async function sweepOne(path: string, identity: Identity | null): Promise<void> {
  try {
    const there = lstatSync(path)
    // `lstat`, so that a symbolic link with our prefix is not followed.
    if (!there.isDirectory() || (there.uid !== process.getuid?.() && there.uid !== identity?.uid)) return
    const names = readdirSync(path)
    if (!names.every(isOurs)) return
    if (!names.includes('control.sock') && Date.now() - there.mtimeMs < BOOT_MS) return
    if (await isSocketAnswering(join(path, 'control.sock'))) return
    removeDirectory(path, identity)
  } catch {
    // Another start removes it at the same time, or it is not ours.
  }
}

/** Our sockets and FIFOs. A user's directory that has our prefix and other files stays. */
function isOurs(name: string): boolean {
  return /^(control\.sock|w\d+\.\w+)$/.test(name)
}
