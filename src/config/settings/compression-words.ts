/** What the settings of compression say, of the program as of its sites and locations. */
import { type Kind, oneOf, size, text } from '../kinds/kinds.ts'

/** Words of `compress`. The codings make a list; the others stand alone. */
export type CompressWord = 'on' | 'off' | 'files' | 'zstd' | 'br' | 'gzip'

const words: Kind<CompressWord> = oneOf(['on', 'off', 'files', 'zstd', 'br', 'gzip'], {
  brotli: 'br',
  zst: 'zstd',
  gz: 'gzip',
  deflate: 'gzip',
  static: 'files',
})

/**
 * Text, and what is made of text or not compressed by itself. Not event streams: an encoder for each listener costs more memory than its events
 * cost bytes.
 */
export const USUAL_TYPES: readonly string[] = [
  'text/html',
  'text/css',
  'text/plain',
  'text/javascript',
  'text/xml',
  'text/csv',
  'text/markdown',
  'text/calendar',
  'text/vtt',
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/geo+json',
  'application/problem+json',
  'application/manifest+json',
  'application/x-ndjson',
  'application/xml',
  'application/xhtml+xml',
  'application/rss+xml',
  'application/atom+xml',
  'application/wasm',
  'application/vnd.ms-fontobject',
  'font/ttf',
  'font/otf',
  'font/collection',
  'image/svg+xml',
  'image/x-icon',
  'image/bmp',
]

const type: Kind<string> = text('media type (`text/css`), `text/*`, or `*`', written =>
  /^(?:\*|[\w.+-]+\/(?:\*|[\w.+-]+))$/.test(written)
    ? { value: written.toLowerCase() }
    : { problem: 'must be a media type, as in text/css or text/*, or *' },
)

export const compress = {
  name: 'compress',
  placeholder: 'MODE',
  kind: words,
  default: null,
  defaultText: 'files',
  why: 'A file is no secret, and is compressed once. A page of an application may show a secret, and only its author knows.',
  doc: 'What is compressed: files, on, off, or zstd, br, gzip.',
  more: 'With `files` text files are compressed once and kept; until that is done they are sent as they are. A file with `.br`, `.zst` or `.gz` beside it is never compressed. `on` also compresses the responses of applications, streamed, each piece as it comes. Codings are `on` with these alone, and of those that a client wants equally it gets the first. When memory is short, or too much is being compressed, responses are sent as they are. **BREACH**: encryption hides what a page says, and not how long it is. Do not compress a page that has a secret (a CSRF token, a key, an account number) and also repeats what a request says (a search word, a parameter of the URL): a foreign page makes the browser of a user ask many times, sees on the network which guess makes the page shorter, and so reads the secret. Django changes the form of its CSRF token with each page, and cookies with `SameSite=Lax` or `Strict` are not sent for a foreign page; where neither is so, leave `files`, or say `compress = false` in the locations of such pages.',
  repeatable: 'commas',
} as const

export const types = {
  name: 'compress-types',
  placeholder: 'TYPE',
  kind: type,
  default: null,
  defaultText: 'text and its like',
  why: 'Pictures, films and archives are compressed already.',
  doc: 'Media types that are compressed, as in text/*.',
  more: `They stand in place of the usual ones: ${USUAL_TYPES.map(one => `\`${one}\``).join(', ')}. Event streams (\`text/event-stream\`) can be added, and stay live; each listener then has an encoder of 0.3 MB (gzip) or 1.5 MB, for 200 listeners at most in each thread.`,
  repeatable: 'commas',
} as const

export const minLength = {
  name: 'compress-min-length',
  placeholder: 'SIZE',
  kind: size(0, 2 ** 40),
  default: '512',
  why: 'What is shorter fits into the same packet, and compressing it costs more than it saves.',
  doc: 'Shorter content is sent as it is.',
} as const
