/** Looking at files that may not be there. */
import { readFileSync, type Stats, statSync } from 'node:fs'

/** Null when there is none, or when it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Follows links; null when there is nothing, or when it may not be looked at. */
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
