/**
 * The private directory of one run: `jumak-<random>`, in the first of these that can be used: the one that systemd made for us
 * ($RUNTIME_DIRECTORY), the user's own ($XDG_RUNTIME_DIR), the temporary directory. Runs in the master.
 *
 *   jumak-Xy12Za/         the master's; 0700, or 0711 when processes of ours are other users, who may pass but not list
 *     master.sock         0600; somebody answers here as long as the master lives
 *     .code/              only where other users cannot read ours: `open-program.ts`
 *     shop/               one directory for each application: `application-directory.ts`
 *
 * Invariants: only the master's user can make, replace or remove a name in it: root refuses a place where one of our users could move
 * the directory itself (`safe-path.ts`). The master removes it at every end but SIGKILL; the next start removes what a killed master
 * left, which has a `master.sock` that nobody answers. Cleaners of temporary directories go by age, so everything in it is touched every
 * hour. If it disappears all the same, `repair` makes it again before the next fork. Open links do not need it.
 * Not here: what is in an application's directory.
 */
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { ApplicationDirectory, removeApplicationDirectory, touchApplicationDirectory } from './application-directory.ts'
import { type ApplicationUsers, describeIdentity, runAs } from './identity.ts'
import { CODE, touchCode } from './open-program.ts'
import { replaceableStep } from './safe-path.ts'
import { OWNER_ONLY, withUmask } from './umask.ts'
import { isSocketAnswering } from './unix-socket.ts'

const PREFIX = 'jumak-'
const SIGN = 'master.sock'
/** An empty directory may belong to a master that is just starting, which takes milliseconds. */
const BOOT_MS = 60_000
/** A shared temporary directory may have very many entries, and a start should not wait for all of them. */
const MAX_SWEPT = 100
const TOUCH_MS = 3_600_000
const PRIVATE = 0o700
/** Other users may go through it to a name that they know. */
const PASSABLE = 0o711

export interface RuntimeDirectoryOptions {
  readonly temporaryDirectory: string
  /** The users of all processes, as far as they are not ours. A place that one of them cannot reach, or could replace, is not used. */
  readonly users?: readonly Identity[]
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Each slot of a WSGI worker has a socket, whose path is longer than the worker's. */
  readonly hasSlotSockets?: boolean
}

/** Throws an OperatorError when the directory cannot be made, or not safely. */
export async function createRuntimeDirectory(options: RuntimeDirectoryOptions): Promise<RuntimeDirectory> {
  const { temporaryDirectory, users = [], environment = {}, hasSlotSockets = false } = options
  const preferred = [environment['RUNTIME_DIRECTORY']?.split(':')[0], environment['XDG_RUNTIME_DIR']]
  for (const parent of preferred) {
    if (!parent?.startsWith('/')) continue
    try {
      return await createIn(parent, users, hasSlotSockets)
    } catch {
      // It belongs to another user (sudo keeps the variable), is too deep, or is not there: try the next one.
    }
  }
  return createIn(temporaryDirectory, users, hasSlotSockets)
}

async function createIn(
  parent: string,
  users: readonly Identity[],
  hasSlotSockets: boolean,
): Promise<RuntimeDirectory> {
  let path: string
  try {
    path = mkdtempSync(join(parent, PREFIX))
  } catch (error) {
    throw new OperatorError(
      `cannot create a directory in ${parent}: ${asErrno(error).message}; choose one that you may write with --temp-dir`,
    )
  }
  const directory = new RuntimeDirectory(path, hasSlotSockets)
  try {
    // Each name of an application makes it longer: that is checked when one is added.
    ApplicationDirectory.checkLength(path, '', hasSlotSockets)
    for (const user of users) directory.admit(user)
    await sweep(parent)
    directory.open()
    return directory
  } catch (error) {
    directory.close()
    throw error
  }
}

export class RuntimeDirectory {
  readonly path: string
  readonly #applications = new Set<ApplicationDirectory>()
  readonly #hasSlotSockets: boolean
  readonly #timer: NodeJS.Timeout
  #mode = PRIVATE
  #sign: Server | null = null

  constructor(path: string, hasSlotSockets: boolean) {
    this.path = path
    this.#hasSlotSockets = hasSlotSockets
    this.#timer = setInterval(() => this.#touch(), TOUCH_MS)
    this.#timer.unref()
  }

  /** From now on other starts see that the master lives. */
  open(): void {
    this.#sign?.close()
    const sign = createServer(socket => socket.destroy())
    // Without it a later start may remove the directory, and `repair` makes it again.
    sign.on('error', () => {})
    // The file is there when `listen` returns.
    withUmask(OWNER_ONLY, () => sign.listen(join(this.path, SIGN)))
    sign.unref()
    this.#sign = sign
  }

  /** Lets a process of this user reach its own directory. Throws an OperatorError where that is impossible, or not safe. */
  admit(user: Identity): void {
    if (process.geteuid?.() !== 0) return
    const who = describeIdentity(user)
    const step = user.uid === 0 ? null : replaceableStep(user, join(this.path, SIGN))
    if (step !== null)
      throw new OperatorError(
        `${who} can replace ${step}, below which the sockets of all processes are: choose a directory for them that only root can move with --temp-dir`,
      )
    this.#mode = PASSABLE
    chmodSync(this.path, PASSABLE)
    try {
      runAs(user, () => statSync(join(this.path, '.')))
    } catch (error) {
      if (error instanceof OperatorError) throw error
      throw new OperatorError(
        `${who} cannot enter ${this.path} (${asErrno(error).code}): choose a directory that is open to them with --temp-dir`,
      )
    }
  }

  /** Makes the directory of an application. `name`: letters, digits, `-` and `_`. Throws an OperatorError. */
  add(name: string, users: ApplicationUsers): ApplicationDirectory {
    this.repair()
    for (const user of [users.identity, users.gatewayIdentity]) if (user !== null) this.admit(user)
    const taken = new Set([...this.#applications].map(({ path }) => path))
    let free = name
    // One of this name was removed and comes back, while the last processes of the old one still end.
    for (let count = 2; taken.has(join(this.path, free)); count++) free = `${name}.${count}`
    const directory = new ApplicationDirectory(this.path, free, users, this.#hasSlotSockets)
    this.#applications.add(directory)
    return directory
  }

  /** Never throws. */
  remove(directory: ApplicationDirectory): void {
    if (this.#applications.delete(directory)) directory.remove()
  }

  /** Mends it, but not what is in an application's directory. Empty: nothing was wrong. Otherwise what had happened. Throws an OperatorError. */
  repair(): string {
    const repaired = this.#repairDirectory()
    const sign = lstatSync(join(this.path, SIGN), { throwIfNoEntry: false })
    if (sign?.isSocket() === true) return repaired
    if (sign !== undefined) discard(join(this.path, SIGN))
    this.open()
    return repaired || `had lost its ${SIGN}, which was made again`
  }

  #repairDirectory(): string {
    const { path } = this
    const found = lstatSync(path, { throwIfNoEntry: false })
    try {
      if (found?.isDirectory() && found.uid === process.geteuid?.()) {
        const mode = found.mode & 0o7777
        if (mode === this.#mode) return ''
        chmodSync(path, this.#mode)
        return `had mode ${mode.toString(8)}, and has mode ${this.#mode.toString(8)} again`
      }
      if (found !== undefined) discard(path)
      // Fails if somebody else has put something there.
      mkdirSync(path, { mode: PRIVATE })
      chmodSync(path, this.#mode)
    } catch (error) {
      const what = found === undefined ? 'has disappeared' : 'has been replaced'
      throw new OperatorError(
        `the runtime directory ${path} ${what} and cannot be made again (${asErrno(error).message}): keep cleaners of temporary files away from it`,
      )
    }
    return `had ${found === undefined ? 'disappeared' : 'been replaced'} and was made again`
  }

  /** Removes all of it. Never throws. */
  close(): void {
    clearInterval(this.#timer)
    for (const directory of this.#applications) this.remove(directory)
    // It removes its file.
    this.#sign?.close()
    this.#sign = null
    try {
      removeCode(this.path)
      rmdirSync(this.path)
    } catch {
      // The next start tries again.
    }
  }

  /** Makes everything in it look new to a cleaner. */
  #touch(): void {
    const now = new Date()
    for (const { path } of this.#applications) touchApplicationDirectory(path, now)
    touchCode(this.path, now)
    for (const path of [join(this.path, SIGN), this.path]) {
      try {
        lutimesSync(path, now, now)
      } catch {
        // It has gone, which `repair` mends.
      }
    }
  }
}

/** Something that is not ours, at a path of ours. */
function discard(path: string): void {
  if (lstatSync(path).isDirectory()) rmdirSync(path)
  else unlinkSync(path)
}

/** Only we can change it, so all below it is ours. */
function removeCode(path: string): void {
  rmSync(join(path, CODE), { recursive: true, force: true })
}

/** Removes what killed masters of this user left. Errors do not prevent a start. */
async function sweep(parent: string): Promise<void> {
  let names: string[]
  try {
    names = readdirSync(parent).filter(name => name.startsWith(PREFIX))
  } catch {
    return
  }
  await Promise.all(names.slice(0, MAX_SWEPT).map(name => sweepOne(join(parent, name))))
}

async function sweepOne(path: string): Promise<void> {
  try {
    const there = lstatSync(path)
    // `lstat`, so that a symbolic link with our prefix is not followed.
    if (!there.isDirectory() || there.uid !== process.geteuid?.()) return
    const names = readdirSync(path)
    const [sign] = names.filter(name => name === SIGN)
    if (sign === undefined) {
      // It fails if the directory is not empty.
      if (Date.now() - there.mtimeMs >= BOOT_MS) rmdirSync(path)
      return
    }
    if (!lstatSync(join(path, SIGN)).isSocket() || (await isSocketAnswering(join(path, SIGN)))) return
    removeCode(path)
    const applications = names.filter(name => name !== SIGN && name !== CODE)
    const isAllOurs = applications.map(name => removeApplicationDirectory(join(path, name))).every(Boolean)
    // The sign goes last: without it the next start would not know that the rest is ours.
    if (!isAllOurs) return
    unlinkSync(join(path, SIGN))
    rmdirSync(path)
  } catch {
    // Another start removes it at the same time, or it is not ours.
  }
}
