/** `502=errors/502.html`: the operator's own pages for answers of Jumak. */
import { readFileSync } from 'node:fs'
import type { Parsed } from '../diagnostics.ts'
import { statOrNull } from '../machine/files.ts'
import { enumerate, type Resolve } from './kinds.ts'

export type ErrorFormat = 'text' | 'html' | 'json'

/** Content that is sent with a status in place of the built-in page. */
export interface ErrorPage {
  readonly status: number
  readonly format: ErrorFormat
  readonly content: string
}

/** Statuses of Jumak's own answers. Statuses for clients that break HTTP are not among them. */
const STATUSES: readonly number[] = [400, 403, 404, 408, 413, 414, 431, 500, 502, 503, 504, 507]
/** Pages are kept in memory, and are sent when the machine is busiest. */
const MAX_BYTES = 256 * 1024
/** By the end of the file's name. */
const FORMATS: ReadonlyMap<string, ErrorFormat> = new Map([
  ['.html', 'html'],
  ['.htm', 'html'],
  ['.json', 'json'],
  ['.txt', 'text'],
])

export type NamedErrorPage = Omit<ErrorPage, 'content'> & { readonly path: string }

export function parseErrorPage(text: string): Parsed<NamedErrorPage> {
  const equals = text.indexOf('=')
  if (equals < 0) return { problem: 'must be STATUS=FILE, as in 502=errors/502.html' }
  const status = Number(text.slice(0, equals))
  const path = text.slice(equals + 1)
  if (!STATUSES.includes(status))
    return { problem: `must have one of these before the equals sign: ${enumerate(STATUSES.map(String))}` }
  const format = FORMATS.get(/\.[a-z]+$/.exec(path)?.[0] ?? '')
  if (format === undefined || path.includes('\0'))
    return { problem: `must name a file that ends in ${enumerate([...FORMATS.keys()])}` }
  return { value: { status, format, path } }
}

export function toAbsoluteErrorPage(text: string, from: Resolve): string {
  const equals = text.indexOf('=')
  // A rule of sites is no name of a file: `404 =200 /empty.json`.
  if (!/^\d+=./.test(text)) return text
  return text.slice(0, equals + 1) + from(text.slice(equals + 1))
}

/** Only regular files: a FIFO or a device may never end. */
export function readErrorPage({ status, format, path }: NamedErrorPage): Parsed<ErrorPage> {
  const stats = statOrNull(path)
  if (!stats?.isFile()) return { problem: 'must name a file that exists' }
  if (stats.size > MAX_BYTES) return { problem: `must name a file of at most ${MAX_BYTES / 1024} KiB` }
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    return { problem: 'must name a file that this user may read' }
  }
  try {
    return {
      value: { status, format, content: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) },
    }
  } catch {
    return { problem: 'must name a file in UTF-8' }
  }
}
