/** What the settings of compression come to: of the program, and of a site or a location, which inherit. */
import type { Compression, CompressionCoding } from '../sites/model.ts'
import { compression } from './settings/compression.ts'
import { type CompressWord, USUAL_TYPES } from './settings/compression-words.ts'
import type { Input } from './settings/setting.ts'
import type { Values } from './values.ts'

/** Best first: zstd takes less time than gzip, and brotli three times as much. */
const ALL: readonly CompressionCoding[] = ['zstd', 'br', 'gzip']

interface Keys {
  readonly compress: Input<CompressWord>
  readonly types: Input<string>
  readonly minLength: Input<number>
}

export function programCompression(values: Values): Compression {
  const keys = compression.compression
  const minLength = values.one(keys.minLength)
  return readCompression(values, keys, { files: true, responses: false, codings: ALL, types: USUAL_TYPES, minLength })
}

/** Each of the three has the nearest value as a whole. */
export function readCompression(values: Values, keys: Keys, outer: Compression): Compression {
  const types = values.isGiven(keys.types) ? values.all(keys.types) : outer.types
  const minLength = values.isGiven(keys.minLength) ? values.one(keys.minLength) : outer.minLength
  if (!values.isGiven(keys.compress)) return { ...outer, types, minLength }
  const words = values.taken(keys.compress)
  for (const { value, given } of words)
    if (!isCoding(value) && words.length > 1)
      values.report(keys.compress, `has ${value} in a list: only codings can be several`, given)
  const codings = words.map(({ value }) => value).filter(isCoding)
  const mode = codings.length > 0 ? 'on' : words[0]?.value
  for (const key of [keys.types, keys.minLength]) values.warnUseless(mode === 'off', key, 'while compress is off')
  return {
    files: mode !== 'off',
    responses: mode === 'on',
    codings: codings.length > 0 ? [...new Set(codings)] : ALL,
    types,
    minLength,
  }
}

function isCoding(word: CompressWord): word is CompressionCoding {
  return word === 'zstd' || word === 'br' || word === 'gzip'
}
