/**
 * The files that `include` names. Runs in the command line, and in the master when it reloads, which looks again
 * what is there.
 *
 * Only the name of the file may have a `*`, so one directory is read for each pattern. Hidden files are not found by a `*`: editors leave
 * such files behind.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isDirectory, isFile } from '../machine/files.ts'

/** Of one pattern. A thousand sites with a file each are read; a directory of anything else by mistake is not. */
const MAX_FILES = 1024

/** Sorted by name, or a phrase that says what is wrong. None: the directory has no such file. `pattern`: an absolute path. */
export function findIncluded(pattern: string): { readonly files: readonly string[] } | { readonly problem: string } {
  const [directory, wanted] = [dirname(pattern), basename(pattern)]
  if (directory.includes('*')) return { problem: 'must have * in the name of the file only, as in apps/*.toml' }
  if (!wanted.includes('*')) return isFile(pattern) ? { files: [pattern] } : { problem: 'must name a file that exists' }
  const files = namesIn(directory)
    .filter(name => !name.startsWith('.') && matches(name, wanted))
    .sort()
    .map(name => join(directory, name))
    .filter(isFile)
  if (files.length === 0 && !isDirectory(directory)) return { problem: 'must be in a directory that exists' }
  if (files.length > MAX_FILES) return { problem: `must match ${MAX_FILES} files at most: there are ${files.length}` }
  return { files }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** Each `*` stands for any characters. */
function matches(name: string, pattern: string): boolean {
  const [first = '', ...parts] = pattern.split('*')
  const last = parts.pop() ?? ''
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  const end = name.length - last.length
  let at = first.length
  for (const part of parts) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
