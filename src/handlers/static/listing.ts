/**
 * What is in a directory: names, sizes and dates of what may be asked for below it. Runs in the gateway, in libuv's threads.
 *
 * Invariants: nothing is in the list that a request for it would not find: no hidden names, no devices, no links that lead out of the
 * location's directory, no names that are not UTF-8. The open directory is judged and read, never a path that was looked at before.
 * Not here: how a list looks (`gateway/sites/listing-page.ts`), how long it is believed (`locations.ts`).
 */
import { constants, type Stats } from 'node:fs'
import { lstat, open, opendir } from 'node:fs/promises'
import { openFileName } from '../../base/open-file-name.ts'
import type { OpenFiles } from '../../base/open-files.ts'
import { type LinkRule, orNull, resolveBelow, resolveDirectory, resolveLinks, tooManyFiles } from './files.ts'
import { isPublicName } from './paths.ts'

/** Names that are read: nobody looks through more on one page, and a page of them has a megabyte. */
export const MAX_NAMES = 5000
/** Looks at a time: the four threads of libuv are busy, and a client's file still gets its turn. */
const LOOKS = 8

export interface Listed {
  readonly name: string
  readonly isDirectory: boolean
  /** Bytes; 0 for a directory. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

export interface Listing {
  /** Directories first, each kind by its name. Frozen: all requests of a second share it. */
  readonly entries: readonly Listed[]
  /** The directory has more names than were read. */
  readonly isCut: boolean
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** `relative`: a public name (`paths.ts`), empty for the directory itself. Null: there is no such directory. */
export async function listBelow(
  directory: string,
  relative: string,
  files: OpenFiles,
  rule: LinkRule,
  maxNames = MAX_NAMES,
): Promise<Listing | null> {
  const root = await resolveDirectory(directory)
  const below = root === null ? null : await resolveBelow(root, relative, rule)
  if (below === null) return null
  const { path, isInside } = below
  // The open directory, and the one that reads its names.
  if (!files.hasRoom) throw tooManyFiles('their share of the limit')
  files.add()
  try {
    const handle = await orNull(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
    if (handle === null) return null
    try {
      const name = openFileName(handle.fd)
      if (name !== null && !isInside(name)) return null
      // Without /proc the path is believed: then names, sizes and dates of another directory may be seen, but no content.
      return await readNames(name === null ? path : `/proc/self/fd/${handle.fd}`, isInside, maxNames)
    } finally {
      await handle.close()
    }
  } finally {
    files.remove()
  }
}

async function readNames(path: string, isInside: (path: string) => boolean, maxNames: number): Promise<Listing> {
  const names: string[] = []
  let count = 0
  let isCut = false
  const directory = await orNull(opendir(path, { bufferSize: 256 }))
  if (directory !== null)
    for await (const { name } of directory) {
      if (++count > maxNames) {
        isCut = true
        break
      }
      // What is no UTF-8 has been replaced by U+FFFD.
      if (!name.startsWith('.') && isPublicName(name) && !name.includes('\ufffd')) names.push(name)
    }
  const entries: Listed[] = []
  for (let i = 0; i < names.length; i += LOOKS) {
    const looks = names.slice(i, i + LOOKS).map(name => look(path, name, isInside))
    for (const one of await Promise.all(looks)) if (one !== null) entries.push(one)
  }
  return Object.freeze({ entries: Object.freeze(entries.sort(byKindAndName)), isCut })
}

/** Null: it may not be asked for, or it is gone by now. */
async function look(path: string, name: string, isInside: (path: string) => boolean): Promise<Listed | null> {
  try {
    let stats: Stats = await lstat(`${path}/${name}`)
    if (stats.isSymbolicLink()) {
      const target = await resolveLinks(`${path}/${name}`)
      if (!isInside(target)) return null
      stats = await lstat(target)
    }
    const isDirectory = stats.isDirectory()
    if (!isDirectory && !stats.isFile()) return null
    return { name, isDirectory, size: isDirectory ? 0 : stats.size, modified: stats.mtimeMs }
  } catch {
    return null
  }
}

function byKindAndName(a: Listed, b: Listed): number {
  if (a.isDirectory !== b.isDirectory) return a.isDirectory ? -1 : 1
  return a.name < b.name ? -1 : 1
}
