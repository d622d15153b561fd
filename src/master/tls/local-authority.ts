/**
 * The local authority of `--tls self-signed`: a key and a certificate that are made once for each user, and that the user's browsers can
 * be told to believe. Runs in the master.
 *
 *     $XDG_DATA_HOME/jumak/local-authority/     0700; without the variable below ~/.local/share
 *       certificate.pem                         what browsers are told to believe
 *       key.pem                                 0600
 *
 * Invariants:
 * - Another authority never takes the place of one that is there: damaged, expired and foreign files are an error that says what to
 *   remove. Browsers that believed the old one would otherwise fail without a reason.
 * - Both files appear together and complete: a directory is renamed into place, and that never replaces one with files in it. Of two
 *   programs that start at once, one makes the authority and both use it.
 * - Files that others may change, and a key that others may read, are refused. Links are not followed. Root uses no directory that
 *   another user could change.
 * - The key leaves this object only as signatures.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { asErrno, OperatorError } from '../errors.ts'
import { openUnlinked, stepOfOthers } from '../host/safe-path.ts'
import { authoritySubject, type Validity, writeAuthority, writeLeaf } from './certificate-writer.ts'

const DIRECTORY = 'jumak/local-authority'
const [CERTIFICATE, KEY] = ['certificate.pem', 'key.pem']
const MAX_BYTES = 64 * 1024
/** Ten years, as mkcert has it. A browser is told once, and a stolen key is good for names of this machine only (`local-names.ts`). */
const LIFE_MS = 3650 * 24 * 3_600_000
/** Clocks of containers and virtual machines differ a little. */
const BEFORE_MS = 3_600_000

type Variables = Readonly<Record<string, string | undefined>>

export interface LocalAuthority {
  /** Absolute path of its certificate. */
  readonly file: string
  readonly until: Date
  /** This start has made it: no browser knows it. */
  readonly isNew: boolean
  /** PEM of a certificate for the names, which ends with the authority at the latest. Throws an OperatorError when the authority has expired. */
  sign(key: KeyObject, names: readonly string[], now: Date, lifeMs: number): string
}

/** Of the user that this process runs as: of root, where root starts the program. Throws an OperatorError. */
export function takeLocalAuthority(variables: Variables, now: Date = new Date()): LocalAuthority {
  const directory = directoryOf(variables)
  try {
    const found = readAuthority(directory, now)
    if (found !== null) return found
    makeAuthority(directory, now)
    return { ...readAuthority(directory, now)!, isNew: true }
  } catch (error) {
    throw explain(error, directory)
  }
}

/** Null: none has been made yet. Makes nothing; else as `takeLocalAuthority`. */
export function findLocalAuthority(variables: Variables, now: Date = new Date()): LocalAuthority | null {
  const directory = directoryOf(variables)
  try {
    return readAuthority(directory, now)
  } catch (error) {
    throw explain(error, directory)
  }
}

function directoryOf({ XDG_DATA_HOME: data, HOME: home }: Variables): string {
  if (data !== undefined && isAbsolute(data)) return join(data, DIRECTORY)
  if (home !== undefined && isAbsolute(home)) return join(home, '.local/share', DIRECTORY)
  throw new OperatorError(
    `--tls self-signed keeps its authority in the user's data directory, and neither HOME nor XDG_DATA_HOME says where that is: set XDG_DATA_HOME to a directory that is there at the next start, too`,
  )
}

function explain(error: unknown, directory: string): OperatorError {
  const { code, message } = asErrno(error)
  const advice = code === undefined ? '' : '; set XDG_DATA_HOME to a directory that this user may write'
  return new OperatorError(`--tls self-signed cannot use the authority in ${directory}: ${message}${advice}`)
}

function readAuthority(directory: string, now: Date): LocalAuthority | null {
  if (!existsAt(directory)) return null
  checkDirectory(dirname(directory))
  checkDirectory(directory)
  const [file, keyFile] = [join(directory, CERTIFICATE), join(directory, KEY)]
  const [pem, keyPem] = [readSafely(file, 0o022), readSafely(keyFile, 0o077)]
  // Somebody emptied the directory.
  if (pem === null && keyPem === null) return null
  if (pem === null) throw broken(directory, `${CERTIFICATE} is missing`)
  if (keyPem === null) throw broken(directory, `${KEY} is missing`)
  const certificate = parse(directory, CERTIFICATE, () => new X509Certificate(pem))
  const key = parse(directory, KEY, () => createPrivateKey(keyPem))
  if (!certificate.checkPrivateKey(key)) throw broken(directory, `${KEY} is not the key of ${CERTIFICATE}`)
  if (!certificate.ca || certificate.subject !== authoritySubject(key) || !certificate.verify(certificate.publicKey))
    throw broken(directory, `${CERTIFICATE} was not made by Jumak`)
  const [from, until] = [new Date(certificate.validFrom), new Date(certificate.validTo)]
  if (now < from)
    throw new OperatorError(`${CERTIFICATE} is valid from ${day(from)} on: is the clock of this machine right?`)
  const checkEnd = (at: Date) => {
    if (at >= until) throw broken(directory, `${CERTIFICATE} expired on ${day(until)}`)
  }
  checkEnd(now)
  const sign: LocalAuthority['sign'] = (leafKey, names, at, lifeMs) => {
    checkEnd(at)
    return writeLeaf(key, leafKey, names, validFrom(at, Math.min(lifeMs, until.getTime() - at.getTime())))
  }
  return { file, until, isNew: false, sign }
}

function broken(directory: string, what: string): OperatorError {
  return new OperatorError(
    `${what}; remove the directory, and the next start makes a new authority: rm -r '${directory}' (browsers must then be told to believe the new one)`,
  )
}

/** Node's own message may quote what it read. */
function parse<T>(directory: string, name: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw broken(directory, `${name} is damaged`)
  }
}

function validFrom(now: Date, lifeMs: number): Validity {
  return { from: new Date(now.getTime() - BEFORE_MS), until: new Date(now.getTime() + lifeMs) }
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

function existsAt(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** One of the two that are Jumak's own. What an ordinary user has above them is the user's business. */
function checkDirectory(directory: string): void {
  const stats = lstatSync(directory)
  if (!stats.isDirectory()) throw new OperatorError(`${directory} is no directory`)
  checkOwner(directory, stats, 0o022)
  checkForRoot(directory)
}

function checkForRoot(directory: string): void {
  if (process.geteuid?.() !== 0) return
  const step = stepOfOthers(directory)
  if (step === null) return
  throw new OperatorError(
    `other users than root can change ${step}, and root needs an authority of its own: set HOME to root's directory (sudo -H), or XDG_DATA_HOME`,
  )
}

function checkOwner(path: string, { uid, mode }: Stats, forbidden: number): void {
  const own = process.geteuid?.()
  if (uid !== own) throw new OperatorError(`${path} belongs to user ${uid}, and the program runs as user ${own}`)
  if ((mode & forbidden) === 0) return
  const [verb, fix] = forbidden === 0o077 ? ['read or change', 'go-rwx'] : ['change', 'go-w']
  throw new OperatorError(
    `others than this user may ${verb} ${path}: if nobody did, chmod ${fix} '${path}'; if in doubt, remove it`,
  )
}

/** Null: there is none. */
function readSafely(path: string, forbidden: number): Buffer | null {
  const fd = openUnlinked(path)
  if (fd === null) return null
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new OperatorError(`${path} is no file`)
    checkOwner(path, stats, forbidden)
    if (stats.size > MAX_BYTES) throw new OperatorError(`${path} is larger than any certificate or key`)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** When it returns, there is an authority: ours, or one that was made at the same time. */
function makeAuthority(directory: string, now: Date): void {
  const parent = dirname(directory)
  let existing = parent
  while (!existsSync(existing)) existing = dirname(existing)
  checkForRoot(existing)
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  checkDirectory(parent)
  const temporary = mkdtempSync(join(parent, '.local-authority-'))
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    writeWhole(join(temporary, KEY), pem, 0o600)
    writeWhole(join(temporary, CERTIFICATE), writeAuthority(privateKey, validFrom(now, LIFE_MS)), 0o644)
    syncDirectory(temporary)
    renameSync(temporary, directory)
    syncDirectory(parent)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    const { code } = asErrno(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  }
}

function writeWhole(path: string, content: string, mode: number): void {
  const fd = openSync(path, 'wx', mode)
  try {
    writeSync(fd, content)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
