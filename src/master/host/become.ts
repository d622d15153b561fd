/**
 * A program of its own: becomes a user, and then the Python of an application. The master starts it as root, where an application has
 * another user (`start-as.ts`).
 *
 * Invariant: nothing that the user may change is looked at as root. Python reads much before its first line runs: variables such as
 * PYTHONPATH, `pyvenv.cfg`, `.pth` files, and the linker reads LD_PRELOAD. All of it may be in the user's directory, and its Python too.
 * So the variables come over standard input, and are set at the very end.
 *
 * Standard input is a socket. First come four bytes, the length of what follows, big-endian, and then `Become` as JSON. The rest is for the
 * other program, to which everything stays open: same process, same standard input.
 */
import { accessSync, constants, readSync, writeSync } from 'node:fs'
import { dropPrivileges } from '../../base/privileges.ts'
import type { Become } from './start-as.ts'

const INPUT = 0

function read(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; ) {
    const count = readSync(INPUT, buffer, at, bytes - at, null)
    // The master has died.
    if (count === 0) process.exit(0)
    at += count
  }
  return buffer
}

/** As the first message of a preloader. Who only waits for the exit code does not read it. */
function fail(message: string, code: number): never {
  try {
    writeSync(INPUT, `${JSON.stringify({ type: 'load-failed', message, traceback: '' })}\n`)
  } catch {
    // The master has died.
  }
  process.exit(code)
}

const { identity, command, environment } = JSON.parse(read(read(4).readUInt32BE()).toString('utf8')) as Become
const who = `user ${identity.userName === '' ? identity.uid : identity.userName}`
try {
  dropPrivileges(identity)
} catch (error) {
  fail(`the application's processes cannot become ${who}: ${(error as Error).message}`, 1)
}
const [program] = command
try {
  accessSync(program, constants.X_OK)
} catch (error) {
  const { code } = error as NodeJS.ErrnoException
  // As a shell does.
  fail(`${who} cannot run ${program} (${code}): choose another Python with --python`, code === 'ENOENT' ? 127 : 126)
}
// Every Node from 24 on has it.
;(process as unknown as { execve(file: string, args: readonly string[], env: object): never }).execve(
  program,
  command,
  environment,
)
