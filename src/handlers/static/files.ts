/**
 * Opens regular files below a directory, and nothing outside it. Runs in the gateway, in libuv's threads, so that a slow disk stops nobody
 * else.
 *
 * Invariants: symbolic links are followed while they stay within the directory, unless its `LinkRule` says something else. The directory itself may be a link; it is resolved at each
 * look, so a switched link is followed. Type, size, dates and place are those of the open descriptor, never those of a path that was
 * looked at before. Devices, FIFOs and sockets are no files, and opening one never waits.
 * Not here: which names may be asked for (`paths.ts`).
 */
import { type BigIntStats, constants, fstat, lstat, open, read, realpath } from 'node:fs'
import { promisify } from 'node:util'
import { openFileName } from '../../base/open-file-name.ts'
import type { OpenFiles } from '../../base/open-files.ts'
import { HttpError } from '../../http/errors.ts'

export interface OpenFile {
  readonly fd: number
  readonly stats: BigIntStats
  /** Without links. */
  readonly path: string
}

export const resolveLinks = promisify(realpath.native)
const openPath = promisify(open)
const readAt = promisify(read)
const statOf = promisify(fstat) as unknown as (fd: number, options: { bigint: true }) => Promise<BigIntStats>
const statOfPath = promisify(lstat) as unknown as (path: string, options: { bigint: true }) => Promise<BigIntStats>
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants

/** Codes of a file that does not exist. ENXIO: a socket, or a device without a driver. */
const MISSING: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'ENXIO',
  'ENODEV',
  'EINVAL',
])

/** The directory without links; null when there is none. Empty: the root of the system, whose name is a slash alone. */
export function resolveDirectory(directory: string): Promise<string | null> {
  return orNull(resolveLinks(directory === '' ? '/' : directory))
}

/**
 * Which symbolic links below a directory are followed. `within`: those that stay in it. `none`. `all`: also those that lead anywhere else, whoever
 * has made them.
 */
export type LinkRule = 'within' | 'none' | 'all'

/** A name below a directory, without links. */
export interface Below {
  readonly path: string
  /** Whether a name without links may be seen: is the directory itself or below it. */
  readonly isInside: (name: string) => boolean
}

/** `root`: from `resolveDirectory`; `relative`: empty for the directory itself. Null: it is not there, or a link leads it where none may. */
export async function resolveBelow(root: string, relative: string, rule: LinkRule): Promise<Below | null> {
  const inside = root === '/' ? root : `${root}/`
  const path = await orNull(resolveLinks(inside + relative))
  if (path === null) return null
  const named = (inside + relative).replace(/(?<=.)\/$/, '')
  const isInside = INSIDE[rule](root, inside, named)
  return isInside(path) ? { path, isInside } : null
}

const INSIDE: Readonly<Record<LinkRule, (root: string, inside: string, named: string) => Below['isInside']>> = {
  within: (root, inside) => name => name === root || name.startsWith(inside),
  none: (_root, _inside, named) => name => name === named,
  all: () => () => true,
}

/**
 * `root`: from `resolveDirectory`; `relative`: from `paths.ts`. The caller closes the file by `files`. Null: there is no such file below the
 * directory, or it is no regular file.
 */
export async function openBelow(
  root: string,
  relative: string,
  files: OpenFiles,
  rule: LinkRule,
): Promise<OpenFile | null> {
  const below = await resolveBelow(root, relative, rule)
  return below === null ? null : openIf(below.path, below.isInside, files)
}

/** `relative`: empty for the directory itself. */
export async function isDirectoryBelow(directory: string, relative: string, rule: LinkRule): Promise<boolean> {
  const root = await resolveDirectory(directory)
  const below = root === null ? null : await resolveBelow(root, relative, rule)
  if (below === null) return false
  const stats = await orNull(statOfPath(below.path, { bigint: true }))
  return stats?.isDirectory() ?? false
}

/**
 * A file again that `openBelow` has opened at `path`. Null: it is there no more, or a directory in the path has become a link. This saves
 * most of the system calls.
 */
export function openAgain(path: string, files: OpenFiles): Promise<OpenFile | null> {
  return openIf(path, name => name === path, files)
}

async function openIf(path: string, isRight: (name: string) => boolean, files: OpenFiles): Promise<OpenFile | null> {
  const fd = await openCounted(path, files)
  if (fd === null) return null
  try {
    const stats = await statOf(fd, { bigint: true })
    if (stats.isFile() && (await isThere(fd, isRight, path, stats))) return { fd, stats, path }
  } catch (error) {
    files.close(fd)
    throw error instanceof HttpError ? error : toHttpError(error)
  }
  files.close(fd)
  return null
}

/**
 * The path proves nothing: a directory in it may have become a link since it was resolved. The kernel's name of the open file decides.
 */
function isThere(
  fd: number,
  isRight: (name: string) => boolean,
  path: string,
  stats: BigIntStats,
): boolean | Promise<boolean> {
  const name = openFileName(fd)
  return name === null ? isStillAt(path, stats) : isRight(name)
}

/**
 * Without /proc: whether the path still has no link in it and leads to the open file. This is weaker, because it looks at a path too. It
 * does not notice a directory that becomes a link, a directory again, and a link again at the right moments.
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

/** Null: the file has become shorter than `size`. */
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

/** Null: what was asked for is not there. Throws HttpError for all else. */
export async function orNull<Result>(result: Promise<Result>): Promise<Result | null> {
  try {
    return await result
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null
    throw toHttpError(error)
  }
}

/** The message has no path, because strangers read it. The log has the path of the request. */
function toHttpError(error: unknown): HttpError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  if (code === 'EMFILE' || code === 'ENFILE') return tooManyFiles(code)
  if (code === 'EACCES' || code === 'EPERM')
    return new HttpError(403, `This file may not be read by the server (${code})`, 'operator')
  return new HttpError(500, `This file could not be read (${code})`, 'operator')
}

export function tooManyFiles(reason: string): HttpError {
  return new HttpError(503, `Too many files are open (${reason}): raise the limit of open files`, 'operator', 1)
}
