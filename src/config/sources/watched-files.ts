/** What `--reload` watches of the configuration's files. Runs in the master. */
import { hash } from 'node:crypto'
import { dirname } from 'node:path'
import { readText } from '../machine/files.ts'
import type { WatchedFiles } from '../types.ts'
import { findIncluded } from './include.ts'

/** `patterns`: absolute; the name of the file may have a `*`. */
export function watchedFiles(patterns: readonly string[]): WatchedFiles {
  const files = new Set(patterns.flatMap(filesOf))
  const texts = [...files].map(path => [path, readText(path)])
  return {
    directories: [...new Set(patterns.map(pattern => dirname(pattern)))],
    state: hash('sha256', JSON.stringify(texts)),
  }
}

function filesOf(pattern: string): readonly string[] {
  const found = findIncluded(pattern)
  return 'files' in found ? found.files : []
}
