/**
 * The entry of a file: its representations (the file itself, and compressed siblings beside it), their validators and finished heads, and
 * the content of small ones. Runs in the gateway.
 *
 * Invariant: an entry never changes. A changed file gets a new entry.
 * Not here: opening files safely (`files.ts`), how long an entry is believed (`cache.ts`).
 */
import type { BigIntStats } from 'node:fs'
import type { OpenFiles } from '../../base/open-files.ts'
import type { FileCompression } from '../../compression/files.ts'
import type { Coding } from '../../http/accept-encoding.ts'
import type { DateRule, Validators } from '../../http/conditional.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { type LinkRule, type OpenFile, openBelow, readWhole, resolveDirectory } from './files.ts'
import { cacheControlOf, codingOf, contentTypeOf } from './names.ts'

/**
 * Most styles, scripts and icons are smaller. To open and read a file for each response costs five times as much as to write what is here; and what a
 * slow client does not take of a response counts as memory.
 */
export const MAX_CONTENT = 128 * 1024
/** The rough cost of an entry without its content: objects, heads, its path. */
const ENTRY_BYTES = 2048

const EXTENSIONS: Readonly<Record<Coding, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' }
const SIBLINGS: readonly [Coding, string][] = Object.entries(EXTENSIONS) as [Coding, string][]

/** What is not in the file: what its name says, and what the configuration does. */
export interface FilePolicy {
  /** `name`: of the file, without directories. */
  readonly contentTypeOf: (name: string) => string
  /** Null: there is no such field. */
  readonly cacheControlOf: (name: string) => string | null
  readonly hasEntityTag: boolean
  /** The response has X-Content-Type-Options by itself. */
  readonly forbidsSniffing: boolean
  readonly dateRule: DateRule
  readonly linkRule: LinkRule
  /** Null: nothing is compressed here. */
  readonly compression: FileCompression | null
}

/** By the name alone, and nothing is compressed. */
export const BY_NAME: FilePolicy = {
  contentTypeOf,
  cacheControlOf,
  hasEntityTag: true,
  forbidsSniffing: true,
  dateRule: 'before',
  linkRule: 'within',
  compression: null,
}

export interface Variant extends Validators {
  readonly coding: Coding | null
  readonly size: number
  /** Null when it is larger than MAX_CONTENT. */
  readonly content: Buffer | null
  /** Where the file was, without links: it is opened there for each response. Null: its content is here. */
  readonly path: string | null
  /** Fields of a 200. Frozen, because all responses with this file share them. */
  readonly whole: HeaderLines
  /** The same without Content-Length, for a 206. */
  readonly partial: HeaderLines
  /** Fields of a 304 (RFC9110§15.4.5). */
  readonly notModified: HeaderLines
  /** Says whether the file is still the same. It knows more than the entity tag, which must be the same on other machines. */
  readonly identity: string
}

export interface Entry {
  readonly directory: string
  readonly relative: string
  /** The file itself. Its content may be coded already (`.svgz`). */
  readonly plain: Variant
  /** Best first, as in CODINGS. */
  readonly coded: readonly Variant[]
  readonly codings: readonly Coding[]
  /** Codings that the file itself may have: none if it is no text, or has siblings, or is too large. */
  readonly compressible: readonly Coding[]
  readonly contentType: string
  readonly policy: FilePolicy
  /** Its cost in memory. */
  readonly bytes: number
}

/** From the first of the directories that has the file; null: none has. `before`: an older entry, whose content is used if the file has not changed. */
export async function loadEntry(
  directories: readonly string[],
  relative: string,
  before: Entry | undefined,
  files: OpenFiles,
  policy = BY_NAME,
): Promise<Entry | null> {
  for (const directory of directories) {
    const entry = await loadFrom(directory, relative, before, files, policy)
    if (entry !== null) return entry
  }
  return null
}

async function loadFrom(
  directory: string,
  relative: string,
  before: Entry | undefined,
  files: OpenFiles,
  policy: FilePolicy,
): Promise<Entry | null> {
  const root = await resolveDirectory(directory)
  if (root === null) return null
  const { linkRule } = policy
  const plain = await loadFile(root, relative, linkRule, before?.plain, files)
  if (plain === null) return null
  const coding = codingOf(relative)
  const isCompressed = coding !== null || SIBLINGS.some(([, extension]) => relative.endsWith(extension))
  const siblings = isCompressed
    ? []
    : await Promise.all(
        SIBLINGS.map(([coding, extension]) => loadSibling(root, relative + extension, linkRule, coding, before, files)),
      )
  // A sibling that is older than the file has the file's old content. Only seconds are compared, because tools keep only seconds.
  const coded = siblings.filter(one => one !== null && seconds(one.file.stats) >= seconds(plain.stats))
  const name = nameOf(relative)
  const contentType = policy.contentTypeOf(name)
  const compressible = isCompressed || coded.length > 0 ? [] : compressibleAs(policy, contentType, plain.stats)
  const varies = coded.length > 0 || compressible.length > 0
  const fields = { contentType, cacheControl: policy.cacheControlOf(name), varies, policy }
  const variants = coded.map(one => variantOf(one!.file, one!.coding, fields))
  const variant = variantOf(plain, coding, fields)
  const held = [variant, ...variants].reduce(
    (sum, one) => sum + (one.content?.length ?? 2 * (one.path?.length ?? 0)),
    0,
  )
  return {
    directory,
    relative,
    plain: variant,
    coded: variants,
    codings: variants.map(one => one.coding!),
    compressible,
    contentType,
    policy,
    bytes: held + ENTRY_BYTES + 2 * relative.length,
  }
}

/** Larger text is rare, and its encoder would work for a second. */
const MAX_COMPRESSIBLE = 8 * 1024 * 1024

function compressibleAs({ compression }: FilePolicy, contentType: string, { size }: BigIntStats): readonly Coding[] {
  if (compression === null || size > MAX_COMPRESSIBLE || size < compression.minLength) return []
  return compression.isTypeWanted(contentType) ? compression.codings : []
}

interface LoadedFile {
  readonly stats: BigIntStats
  readonly content: Buffer | null
  readonly path: string | null
}

async function loadSibling(
  root: string,
  relative: string,
  linkRule: LinkRule,
  coding: Coding,
  before: Entry | undefined,
  files: OpenFiles,
) {
  const file = await loadFile(
    root,
    relative,
    linkRule,
    before?.coded.find(one => one.coding === coding),
    files,
  )
  return file === null ? null : { file, coding }
}

async function loadFile(
  root: string,
  relative: string,
  linkRule: LinkRule,
  before: Variant | undefined,
  files: OpenFiles,
): Promise<LoadedFile | null> {
  const file = await openBelow(root, relative, files, linkRule)
  if (file === null) return null
  try {
    const { stats, fd, path } = file
    if (stats.size > MAX_CONTENT) return { stats, content: null, path }
    const kept = before !== undefined && before.identity === identityOf(stats) ? before.content : null
    return { stats, content: kept ?? (await readWhole(fd, Number(stats.size))), path: null }
  } finally {
    files.close(file.fd)
  }
}

/** The variant for an open descriptor of a large file, which may be newer than its entry. */
export function variantOfOpen(entry: Entry, variant: Variant, { stats, path }: OpenFile): Variant {
  if (isSameFile(variant, stats)) return variant
  const { contentType, policy } = entry
  const cacheControl = policy.cacheControlOf(nameOf(entry.relative))
  const fields = { contentType, cacheControl, varies: entry.coded.length > 0 || entry.compressible.length > 0, policy }
  return variantOf({ stats, content: null, path }, variant.coding, fields)
}

/** Path of a variant's file below `Entry.directory`. */
export function pathOf(entry: Entry, variant: Variant): string {
  return variant === entry.plain ? entry.relative : entry.relative + EXTENSIONS[variant.coding!]
}

interface Fields {
  readonly contentType: string
  readonly cacheControl: string | null
  readonly varies: boolean
  readonly policy: FilePolicy
}

function variantOf({ stats, content, path }: LoadedFile, coding: Coding | null, fields: Fields): Variant {
  const { contentType, cacheControl, varies, policy } = fields
  const size = Number(stats.size)
  const modifiedAt = seconds(stats) * 1000
  const lastModified = new Date(modifiedAt).toUTCString()
  const etag = `"${stats.mtimeNs.toString(36)}-${size.toString(36)}${coding === null ? '' : `-${coding}`}"`
  const always = [
    ...(cacheControl === null ? [] : ['Cache-Control', cacheControl]),
    ...(policy.hasEntityTag ? ['ETag', etag] : []),
    ...(varies ? ['Vary', 'Accept-Encoding'] : []),
  ]
  const partial = ['Content-Type', contentType]
  if (coding !== null) partial.push('Content-Encoding', coding)
  partial.push('Last-Modified', lastModified, ...always, 'Accept-Ranges', 'bytes')
  if (policy.forbidsSniffing) partial.push('X-Content-Type-Options', 'nosniff')
  return {
    coding,
    size,
    content,
    path,
    etag,
    lastModified,
    modifiedAt,
    dateRule: policy.dateRule,
    whole: frozen([...partial, 'Content-Length', String(size)]),
    partial: frozen(partial),
    notModified: frozen(always),
    identity: identityOf(stats),
  }
}

/** Code that adds a field for one response gets an exception, instead of adding it to all responses. */
function frozen(headers: HeaderLines): HeaderLines {
  return Object.freeze(headers) as HeaderLines
}

/** The variant was made of this very file, as it is now. */
export function isSameFile(variant: Variant, stats: BigIntStats): boolean {
  return variant.identity === identityOf(stats)
}

function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`
}

function seconds(stats: BigIntStats): number {
  return Number(stats.mtimeNs / 1_000_000_000n)
}

function nameOf(relative: string): string {
  return relative.slice(relative.lastIndexOf('/') + 1)
}
