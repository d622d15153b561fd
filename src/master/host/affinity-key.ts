/**
 * The key that signs the cookies of `--affinity cookie` and of `sticky`. It is kept in a file, so that a cookie is still good after a restart of
 * the program. Runs in the master, at the start, or when HUP adds the first application or upstream with such cookies.
 *
 * Invariants: the file has 32 random bytes, belongs to the user that started the program, and only that user may read it. It appears
 * complete. Root follows no link and uses no directory that another user could change. Where the key cannot be kept the log says so, and a
 * key in memory does.
 * Not here: what is signed (`apps/pool/home-cookie.ts`, `upstream/balance/sticky.ts`).
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { AppConfig, Config } from '../../config/types.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { openUnlinked, stepOfOthers } from './safe-path.ts'

const KEY_BYTES = 32
const NAME = 'affinity.key'

export interface AffinityKeyOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly warn: (message: string) => void
}

type AffinitySettings = {
  readonly apps: readonly Pick<AppConfig, 'affinity'>[]
  readonly sites: { readonly upstreams: readonly Pick<Upstream, 'sticky'>[] }
} & Pick<Config, 'affinityKey'>

export class AffinityKey {
  readonly #options: AffinityKeyOptions
  #key = newKey()
  /** The file was asked, and is not asked again. */
  #isTaken = false

  constructor(options: AffinityKeyOptions) {
    this.#options = options
  }

  /**
   * In hexadecimal digits. Only cookies outlive the program: until an application or an upstream has some, also after HUP, the key is in memory
   * and no file is made.
   */
  of({ apps, sites, affinityKey }: AffinitySettings): string {
    const hasCookies =
      apps.some(({ affinity }) => affinity?.kind === 'cookie') || sites.upstreams.some(({ sticky }) => sticky !== null)
    if (!this.#isTaken && hasCookies) {
      this.#isTaken = true
      this.#keep(affinityKey)
    }
    return this.#key.toString('hex')
  }

  #keep(file: string | null): void {
    const { environment, warn } = this.#options
    try {
      const path = file ?? ownPath(environment)
      if (file === null) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      checkDirectory(dirname(path))
      this.#key = readKey(path) ?? makeKey(path, this.#key)
    } catch (error) {
      const { message } = asErrno(error)
      const advice = 'name a file that this user may write with --affinity-key'
      warn(
        `the key of --affinity cookie and of sticky cannot be kept, so a restart gives every client another worker or server: ${message}; ${advice}`,
      )
    }
  }
}

function newKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

function ownPath(environment: AffinityKeyOptions['environment']): string {
  const state = environment['STATE_DIRECTORY']?.split(':')[0]
  if (state?.startsWith('/')) return join(state, NAME)
  if (process.geteuid?.() === 0) return join('/var/lib/jumak', NAME)
  const { XDG_STATE_HOME: own, HOME: home } = environment
  if (own?.startsWith('/')) return join(own, 'jumak', NAME)
  if (!home?.startsWith('/')) throw new OperatorError('this user has no home directory')
  return join(home, '.local/state/jumak', NAME)
}

/** An ordinary user's directories are the user's own business. */
function checkDirectory(directory: string): void {
  if (process.geteuid?.() !== 0) return
  const step = stepOfOthers(directory)
  if (step !== null) throw new OperatorError(`other users than root can change ${step}`)
}

/** Null: there is none yet. */
function readKey(path: string): Buffer | null {
  const fd = openUnlinked(path)
  if (fd === null) return null
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile() || stats.size !== KEY_BYTES)
      throw new OperatorError(`${path} is no file of ${KEY_BYTES} bytes: remove it, and a new one is made`)
    if (stats.uid !== process.geteuid?.() || (stats.mode & 0o077) !== 0)
      throw new OperatorError(`others than this user may read or change ${path}: remove it, and a new one is made`)
    const key = Buffer.alloc(KEY_BYTES)
    readSync(fd, key)
    return key
  } finally {
    closeSync(fd)
  }
}

/** When two programs start at once, one makes the file and both read it: a link never replaces anything. */
function makeKey(path: string, key: Buffer): Buffer {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(fd, key)
    fsyncSync(fd)
    linkSync(temporary, path)
  } catch (error) {
    if (asErrno(error).code !== 'EEXIST') throw error
  } finally {
    closeSync(fd)
    unlinkSync(temporary)
  }
  return readKey(path)!
}
