/**
 * Opens a file below a directory, and nothing that is not below it. Runs in the gateway, in libuv's threads: a slow disk
 * stops nobody else.
 *
 * Invariants: symbolic links are followed as far as they stay within the directory; the directory itself may be a link, and
 * is resolved anew each time, so that a switched one is followed. What is served is what was opened: type, size, dates and
 * place are those of the descriptor, never those of a path that was looked at before. Devices, FIFOs and sockets are no files,
 * and opening one never waits.
 */
import { type BigIntStats, constants, fstat, lstat, open, read, realpath } from 'node:fs'
import { promisify } from 'node:util'
import { openFileName } from '../../base/open-file-name.ts'
import type { OpenFiles } from '../../base/open-files.ts'
import { HttpError } from '../../http/errors.ts'

export interface OpenFile {
  readonly fd: number
  readonly stats: BigIntStats
}

const resolveLinks = promisify(realpath.native)
const openPath = promisify(open)
const readAt = promisify(read)
const statOf = promisify(fstat) as unknown as (fd: number, options: { bigint: true }) => Promise<BigIntStats>
const statOfPath = promisify(lstat) as unknown as (path: string, options: { bigint: true }) => Promise<BigIntStats>
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants

/** There is no such file. ENXIO: a socket, or a device without a driver. */
const MISSING: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'ENXIO',
  'ENODEV',
  'EINVAL',
])

/** The directory without links; null when there is none. */
export function resolveDirectory(directory: string): Promise<string | null> {
  return orNull(resolveLinks(directory))
}

/**
 * `root`: of `resolveDirectory`; `relative`: of `paths.ts`. The caller closes it by `files`. Null: no such file, or not for
 * anybody.
 */
export async function openBelow(root: string, relative: string, files: OpenFiles): Promise<OpenFile | null> {
  const inside = root === '/' ? root : `${root}/`
  const path = await orNull(resolveLinks(inside + relative))
  if (path === null || !path.startsWith(inside)) return null
  const fd = await openCounted(path, files)
  if (fd === null) return null
  try {
    const stats = await statOf(fd, { bigint: true })
    if (stats.isFile() && (await isBelow(fd, inside, path, stats))) return { fd, stats }
  } catch (error) {
    files.close(fd)
    throw error instanceof HttpError ? error : toHttpError(error)
  }
  files.close(fd)
  return null
}

/**
 * The path that was opened proves nothing: since it was resolved, a directory on it may have become a link. What the kernel calls
 * the open file decides.
 */
async function isBelow(fd: number, inside: string, path: string, stats: BigIntStats): Promise<boolean> {
  const name = openFileName(fd)
  return name === null ? isStillAt(path, stats) : name.startsWith(inside)
}

/**
 * Without /proc: whether the path still has no link in it, and leads to the file that was opened. Weaker, for this too looks at
 * a path: who makes a directory a link, a directory again, and again a link at the right moments is not noticed.
 */
export async function isStillAt(path: string, { dev, ino }: BigIntStats): Promise<boolean> {
  if ((await orNull(resolveLinks(path))) !== path) return false
  const there = await orNull(statOfPath(path, { bigint: true }))
  return there !== null && there.dev === dev && there.ino === ino
}

async function openCounted(path: string, files: OpenFiles): Promise<number | null> {
  if (!files.hasRoom) throw tooManyFiles('their share of the limit')
  files.add()
  let fd: number | null = null
  try {
    fd = await orNull(openPath(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY))
  } finally {
    if (fd === null) files.remove()
  }
  return fd
}

/** Null when there is less in it than there was a moment ago. */
export async function readWhole(fd: number, size: number): Promise<Buffer | null> {
  const content = Buffer.allocUnsafeSlow(size)
  let length = 0
  try {
    while (length < size) {
      const { bytesRead } = await readAt(fd, content, length, size - length, length)
      if (bytesRead === 0) return null
      length += bytesRead
    }
  } catch (error) {
    throw toHttpError(error)
  }
  return content
}

async function orNull<Result>(result: Promise<Result>): Promise<Result | null> {
  try {
    return await result
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null
    throw toHttpError(error)
  }
}

/** No paths in it: strangers read it. The log has the request's path beside it. */
function toHttpError(error: unknown): HttpError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  if (code === 'EMFILE' || code === 'ENFILE') return tooManyFiles(code)
  if (code === 'EACCES' || code === 'EPERM')
    return new HttpError(403, `This file may not be read by the server (${code})`, 'operator')
  return new HttpError(500, `This file could not be read (${code})`, 'operator')
}

function tooManyFiles(reason: string): HttpError {
  return new HttpError(503, `Too many files are open (${reason}): raise the limit of open files`, 'operator', 1)
}
