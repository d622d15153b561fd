/**
 * The directory of one application, within the runtime directory of the run: where its workers and the master meet, and its workers and
 * the gateway. Runs in the master.
 *
 *   control.sock    0600; the master listens, workers connect
 *   w7.sock         worker 7 listens, the gateway connects; 0600, or 0660 where the gateway is another user
 *   w7.sock.0 …     instead of it, where the gateway has several threads: one for each slot of a WSGI worker
 *   w7.out          0600; a FIFO: worker 7 writes, the master reads
 *
 * It belongs to the application's user: 0700. Where the gateway is another user, its group may go through to a name that it knows: 02710,
 * so that sockets have the gateway's group too.
 *
 * Invariants: its owner may put anything there at any moment. So root acts in it only in the owner's name, follows no link, and removes
 * nothing recursively. The directory itself is a name in the master's directory: nobody but the master can replace it.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  type Dir,
  type Dirent,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  opendirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { type ApplicationUsers, areApart, idsOf, runAs } from './identity.ts'
import { checkSocketPath } from './unix-socket.ts'

const PRIVATE = 0o700
/** The setgid bit gives what is made in it the directory's group. */
const FOR_GATEWAY = 0o2710
/** The longest name of a socket in it. */
const LONGEST = 'w12345678.sock'
const LONGEST_OF_SLOT = `${LONGEST}.255`
/** Of one worker: far more than `--threads` can be. */
const MAX_SLOT_SOCKETS = 1024
/** Its owner may fill it with any number of files. The master looks at so many, which takes some ten milliseconds. */
const MAX_ENTRIES = 10_000

export class ApplicationDirectory {
  readonly path: string
  readonly controlSocket: string
  readonly #identity: Identity | null
  readonly #uid: number
  readonly #gid: number
  readonly #mode: number

  /**
   * `hasSlotSockets`: each slot of a WSGI worker has a socket. Throws an OperatorError when it cannot be made, or when socket paths in it
   * would be too long.
   */
  constructor(parent: string, name: string, { identity, gatewayIdentity }: ApplicationUsers, hasSlotSockets: boolean) {
    ApplicationDirectory.checkLength(parent, name, hasSlotSockets)
    this.path = join(parent, name)
    this.controlSocket = join(this.path, 'control.sock')
    this.#identity = identity
    const isShared = areApart({ identity, gatewayIdentity })
    this.#uid = idsOf(identity).uid
    this.#gid = idsOf(isShared ? gatewayIdentity : identity).gid
    this.#mode = isShared ? FOR_GATEWAY : PRIVATE
    try {
      this.#make()
    } catch (error) {
      throw new OperatorError(`cannot create the directory ${this.path}: ${asErrno(error).message}`)
    }
  }

  /** Throws an OperatorError when the paths of sockets would be too long. */
  static checkLength(parent: string, name: string, hasSlotSockets: boolean): void {
    const why = 'the temporary directory is too deep, choose a shorter one with --temp-dir'
    const longest = hasSlotSockets ? LONGEST_OF_SLOT : LONGEST
    checkSocketPath(join(parent, name, longest), name === '' ? why : `${why}, or a shorter name than ${name}`)
  }

  /**
   * Mends it. Empty: nothing was wrong. Otherwise what had happened, for the log; the control socket must be made again if it is not
   * there. `isControlSocketOurs`: the file at its path is our socket. Throws an OperatorError.
   */
  repair(isControlSocketOurs: () => boolean): string {
    const repaired = this.#repairDirectory()
    const freed = this.#freeSocket(isControlSocketOurs)
    // A directory that was made again has no socket: the first is enough for the log.
    return repaired || freed
  }

  /** The worker's process is gone: removes what it has left. Never throws. */
  forget(worker: number): void {
    const socket = this.socketOf(worker)
    try {
      runAs(this.#identity, () => {
        tryToUnlink(socket)
        // It makes them from 0 up, and removes them from the last one down.
        for (let slot = 0; slot < MAX_SLOT_SOCKETS; slot++) if (!tryToUnlink(`${socket}.${slot}`)) break
      })
    } catch {
      // Root could not act in its user's name. What is left goes with the directory.
    }
  }

  socketOf(worker: number): string {
    return join(this.path, `w${worker}.sock`)
  }

  /** Never throws. */
  remove(): void {
    removeApplicationDirectory(this.path)
  }

  #make(): void {
    // Its user has left something in it that could not be removed with it.
    if (lstatSync(this.path, { throwIfNoEntry: false }) !== undefined) discard(this.path)
    mkdirSync(this.path, { mode: PRIVATE })
    this.#giveRights()
  }

  /** The path names a directory: only the master can replace it. */
  #giveRights(): void {
    if (process.geteuid?.() === 0) lchownSync(this.path, this.#uid, this.#gid)
    // After the owner: a user who is no member of the group could not set the bit.
    chmodSync(this.path, this.#mode)
  }

  #repairDirectory(): string {
    const { path } = this
    const found = lstatSync(path, { throwIfNoEntry: false })
    try {
      if (found?.isDirectory() && found.uid === this.#uid) {
        const mode = found.mode & 0o7777
        const hasRights = mode === this.#mode && (found.gid === this.#gid || process.geteuid?.() !== 0)
        if (hasRights) return ''
        this.#giveRights()
        if (mode === this.#mode) return `had group ${found.gid}, and has group ${this.#gid} again`
        return `had mode ${mode.toString(8)}, and has mode ${this.#mode.toString(8)} again`
      }
      this.#make()
    } catch (error) {
      const what = found === undefined ? 'has disappeared' : 'has been replaced'
      throw new OperatorError(`the directory ${path} ${what} and cannot be made again (${asErrno(error).message})`)
    }
    return `had ${found === undefined ? 'disappeared' : 'been replaced'} and was made again`
  }

  /** Afterwards its path is free, or it is our socket. */
  #freeSocket(isOurs: () => boolean): string {
    const path = this.controlSocket
    const name = basename(path)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return `had lost its ${name}, which was made again`
    if (isOurs()) return ''
    try {
      runAs(this.#identity, () => discard(path))
    } catch (error) {
      if (error instanceof OperatorError) throw error
      throw new OperatorError(
        `something else is in the place of ${path} and cannot be removed (${asErrno(error).message}): no worker could reach the master`,
      )
    }
    return `had something else in the place of its ${name}, which was made again`
  }
}

/** Removes something that is not ours from a path of ours. A directory that is not empty is moved away: nobody knows how much is in it. */
function discard(path: string): void {
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path)
    return
  }
  try {
    rmdirSync(path)
  } catch {
    renameSync(path, join(dirname(path), `w0.${randomBytes(4).toString('hex')}`))
  }
}

/** False: nothing is there, or a directory, which its user has put there. */
function tryToUnlink(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch {
    return false
  }
}

/**
 * Removes a directory of an application, and in it what is ours: sockets, FIFOs. False: something is left. Never throws. The directory may
 * be another run's. It must be in a directory that only we can change.
 */
export function removeApplicationDirectory(path: string): boolean {
  try {
    const found = lstatSync(path)
    if (!found.isDirectory()) return false
    const isRoot = process.geteuid?.() === 0
    // Its owner may have taken the rights away, also from itself.
    if (isRoot) chmodSync(path, PRIVATE)
    runAs(isRoot ? { uid: found.uid, gid: found.gid, userName: '' } : null, () => {
      forEachEntry(path, entry => {
        if (isOurs(entry.name)) unlinkSync(join(path, entry.name))
      })
    })
    rmdirSync(path)
    return true
  } catch {
    return false
  }
}

/** Makes everything in it look new to a cleaner. Never throws. */
export function touchApplicationDirectory(path: string, now: Date): void {
  forEachEntry(path, ({ name }) => lutimesSync(join(path, name), now, now))
  try {
    lutimesSync(path, now, now)
  } catch {
    // It has gone, which `repair` mends.
  }
}

/** Errors of one entry do not matter to the others: its owner changes the directory meanwhile. */
function forEachEntry(path: string, act: (entry: Dirent) => void): void {
  let directory: Dir
  try {
    directory = opendirSync(path)
  } catch {
    return
  }
  try {
    for (let count = 0; count < MAX_ENTRIES; count++) {
      const entry = directory.readSync()
      if (entry === null) break
      try {
        act(entry)
      } catch {
        // A worker has ended meanwhile, or it is a directory.
      }
    }
  } finally {
    directory.closeSync()
  }
}

/** Our sockets and FIFOs. A user's directory that has our prefix and other files stays. */
function isOurs(name: string): boolean {
  return /^(control\.sock|w\d+\.\w+|w\d+\.sock\.\d+)$/.test(name)
}
