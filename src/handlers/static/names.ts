/** What the name of a file says: its media type, its coding, and whether its content can ever change. Runs in the gateway. Pure: nothing is opened. */
import { lookup } from 'mrmime'
import type { Coding } from '../../http/accept-encoding.ts'

/** Types that every browser knows, and that are missing in the registry or in the table made from it. */
const MORE_TYPES: Readonly<Record<string, string>> = { ico: 'image/x-icon' }
/** Text is UTF-8 today. Without `charset` a browser may guess another encoding. */
const TEXT = /^text\/|^application\/(?:javascript|json|manifest\+json)$|^image\/svg\+xml$/

export function contentTypeOf(name: string): string {
  const type = mediaTypeOf(name) ?? 'application/octet-stream'
  return isText(type) ? `${type}; charset=utf-8` : type
}

/** It has a charset. */
export function isText(type: string): boolean {
  return TEXT.test(type)
}

/** Without charset; undefined: the extension says nothing. */
export function mediaTypeOf(name: string): string | undefined {
  const extension = extensionOf(name)
  // The table would look for `txt` in `txt `.
  if (!/^[a-z0-9+_-]+$/.test(extension)) return undefined
  // Names that every object has, such as `constructor`, are no extensions.
  if (Object.hasOwn(MORE_TYPES, extension)) return MORE_TYPES[extension]
  const type: unknown = lookup(extension)
  return typeof type === 'string' ? type : undefined
}

/**
 * Compressed files with the media type of their content. Only Content-Encoding makes a browser decompress them. Every client gets it, as
 * from Apache and Django, because there is no other representation (RFC9110§12.5.3). Not here: archives (`.tgz`, `.js.gz`) and files
 * that programs open compressed (`.emz`, `.wmz`). They must arrive as they are.
 */
const CODED: ReadonlyMap<string, Coding> = new Map([
  ['svgz', 'gzip'],
  ['x3dz', 'gzip'],
  ['x3dvz', 'gzip'],
  ['x3dbz', 'gzip'],
])

/** The coding of the file's own content; null: none. */
export function codingOf(name: string): Coding | null {
  return CODED.get(extensionOf(name)) ?? null
}

/** Lower case, without dot; empty: there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  // The dot of a hidden name begins no extension.
  return dot < 1 ? '' : name.slice(dot + 1).toLowerCase()
}

const FOREVER = 'public, max-age=31536000, immutable'
/**
 * A browser may keep the file, and asks each time whether it has changed: a 304 costs a few microseconds here. Any longer time would show
 * old styles with new pages after a deployment. Without the field browsers guess a time, mostly a tenth of the file's age.
 */
const ASK = 'no-cache'

export function cacheControlOf(name: string): string {
  return hasContentHash(name) ? FOREVER : ASK
}

/** Hexadecimal with digits and letters: neither a date nor a word. */
function isHexHash(text: string): boolean {
  return /^[0-9a-f]{8,64}$/.test(text) && /[0-9]/.test(text) && /[a-f]/.test(text)
}
/** Files that bundlers write. Other files may change though their names have a number (`avatar-507f1f77bcf8.png`). */
const BUNDLED = /\.(?:m?js|css|wasm)(?:\.map)?$/

/**
 * True for `app.55e7cbb9ba48.css` (Django, 12 hex digits; webpack and Parcel: 8 to 64), `main-3f2a1b9c.js` (Next.js),
 * `index-B3x9ab12.js` (Vite: 8 of base64url), `chunk-7QJ3KXYZ.js` (esbuild: 8 of base32). False when in doubt: a wrong "true" shows an old
 * file for a year, a wrong "false" costs a 304.
 */
export function hasContentHash(name: string): boolean {
  const parts = name.split('.')
  if (parts.length < 2) return false
  // `main.3f2a1b9c.js`, `main.3f2a1b9c.chunk.js`, `main.3f2a1b9c.js.map`; the first part is the name, the last the extension.
  if (parts.slice(1, -1).some(isHexHash)) return true
  const end = parts.at(-1) === 'map' && parts.length > 2 ? -2 : -1
  const stem = parts.slice(0, end).join('.')
  const dash = stem.lastIndexOf('-')
  if (dash >= 0 && BUNDLED.test(name) && isHexHash(stem.slice(dash + 1))) return true
  const token = /.-([\w-]{8})$/.exec(stem)?.[1]
  return token !== undefined && isRandom(token)
}

/**
 * Eight characters of base64url or base32 that are no word. A hash changes between lower case, upper case and digits more often than
 * `Version2`, `iPhone15`, `SUMMER24` and `McDonald` do. This misses two fifths of Vite's hashes.
 */
function isRandom(token: string): boolean {
  const kinds = Array.from(token, kindOf)
  const changes = kinds.filter((kind, i) => i > 0 && kind !== kinds[i - 1]).length
  const isBase32 = /^[A-Z2-7]+$/.test(token)
  return /\d/.test(token) && (isBase32 ? changes >= 2 : /[a-z]/.test(token) && /[A-Z]/.test(token) && changes >= 4)
}

function kindOf(character: string): string {
  if (/[0-9]/.test(character)) return 'digit'
  if (/[a-z]/.test(character)) return 'lower'
  return /[A-Z]/.test(character) ? 'upper' : 'mark'
}
