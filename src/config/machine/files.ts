/** Reads of files that may not exist: the result is null, not an exception. */
import { readFileSync, type Stats, statSync } from 'node:fs'

/** Null if there is no file, or it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Follows symbolic links. Null if there is nothing, or it may not be looked at. */
export function statOrNull(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

export function isFile(path: string): boolean {
  return statOrNull(path)?.isFile() ?? false
}

export function isDirectory(path: string): boolean {
  return statOrNull(path)?.isDirectory() ?? false
}
