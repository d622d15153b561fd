/** Opens one file of the configuration: checks what it is, and parses it. Runs in the command line, and in the master when it reloads. */
import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import { statOrNull } from '../machine/files.ts'
import { formatPlace } from './given.ts'
import { parseToml, type TomlTable } from './toml.ts'

/** No project has a larger file. A path to something else by mistake must not fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024

/** `file`: its path as messages show it. `problem`: a phrase that follows the name of the setting that names the file. */
export type Opened = { readonly file: string } & (
  | { readonly root: TomlTable }
  | { readonly problem: string }
  | { readonly diagnostic: Diagnostic }
)

/** `path`: absolute. `cwd`: where the path that messages show starts. */
export function openFile(path: string, cwd: string): Opened {
  const shown = relative(cwd, path)
  const file = shown.startsWith('..') ? path : shown
  // Files of gunicorn and uWSGI.
  if (/\.(?:py|ini|yaml|yml)$|^python:/.test(basename(path)))
    return { file, problem: `must name a TOML file: write what stands in '${basename(path)}' as keys of a jumak.toml` }
  const stats = statOrNull(path)
  if (!stats?.isFile()) return { file, problem: `must name a file that exists, not '${path}'` }
  if (stats.size > MAX_BYTES)
    return { file, problem: `must name a file of less than ${MAX_BYTES} bytes, not '${path}'` }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const isEncoding = error instanceof TypeError
    const problem = isEncoding ? 'must be UTF-8, as all TOML' : `must be readable (${(error as Error).message})`
    return { file, problem: `${problem}, not '${path}'` }
  }
  const parsed = parseToml(text)
  if (!('message' in parsed)) return { file, root: parsed }
  const subject = formatPlace(file, parsed.position)
  return { file, diagnostic: { subject, message: `${subject}: ${parsed.message}` } }
}
