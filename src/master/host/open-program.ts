/**
 * A program of ours where another user can read it. Jumak may be installed below a directory that only root may enter, such as root's home:
 * then root copies the program into the runtime directory, which every user of ours can pass. Runs in the master.
 *
 * Invariants: the copy is root's, and only root can change it or anything above it. It is made once for a run, because processes read from
 * it at any time, and again only when it has gone. It goes with the runtime directory.
 */
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { describeIdentity, runAs } from './identity.ts'
import { otherUser } from './start-as.ts'

/** Its name in the runtime directory. No application has such a name. */
export const CODE = '.code'

/**
 * The path at which the identity can read it. `identity`: null: it is ours. `program`: a script, or a directory that Python runs.
 * `runtimeDirectory`: that of the application; empty: there is none (`--check`). Throws an OperatorError where no copy can be made.
 */
export function openProgram(identity: Identity | null, program: string, runtimeDirectory: string): string {
  const user = otherUser(identity)
  if (user === null || runAs(user, () => isReadable(program))) return program
  const place = runtimeDirectory === '' ? temporaryPlace() : join(dirname(runtimeDirectory), CODE)
  const copy = join(place, basename(program))
  try {
    if (!existsSync(copy)) makeCopy(program, copy)
  } catch (error) {
    const what = `${describeIdentity(user)} cannot read ${program}, and it cannot be copied to ${place}`
    throw new OperatorError(`${what}: ${asErrno(error).message}; install Jumak where all users may read it`)
  }
  return copy
}

/** It appears whole. */
function makeCopy(program: string, copy: string): void {
  const part = `${copy}.part`
  mkdirSync(dirname(copy), { recursive: true })
  chmodSync(dirname(copy), 0o755)
  rmSync(part, { recursive: true, force: true })
  cpSync(program, part, { recursive: true })
  openToAll(part)
  renameSync(part, copy)
}

function isReadable(program: string): boolean {
  try {
    // Not `access`, which asks for the rights of the real user.
    closeSync(openSync(program, 'r'))
    return true
  } catch {
    return false
  }
}

let temporary = ''

/** For as long as this process runs. */
function temporaryPlace(): string {
  if (temporary !== '') return temporary
  const made = mkdtempSync(join(tmpdir(), 'jumak-check-'))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  temporary = made
  return made
}

/** Makes the copy look new to a cleaner of temporary files. Never throws. */
export function touchCode(runtimeDirectory: string, now: Date): void {
  const place = join(runtimeDirectory, CODE)
  try {
    for (const name of ['', ...readdirSync(place, { recursive: true, encoding: 'utf8' })])
      utimesSync(join(place, name), now, now)
  } catch {
    // It was never needed.
  }
}

/** Whatever umask root has. */
function openToAll(path: string): void {
  const isDirectory = statSync(path).isDirectory()
  chmodSync(path, isDirectory ? 0o755 : 0o644)
  if (isDirectory) for (const name of readdirSync(path)) openToAll(join(path, name))
}
