import { USUAL_TYPES } from '../../settings/compression-words.ts'
import { type Case, SIZE } from './case.ts'

const ALL = ['zstd', 'br', 'gzip']

export const compression: Readonly<Record<string, Case>> = {
  compress: {
    of: ({ compression: { files, responses, codings } }) => [files, responses, codings],
    standard: [true, false, ALL],
    texts: [
      ['on', [true, true, ALL]],
      ['off', [false, false, ALL]],
      ['files', [true, false, ALL]],
      ['gzip,br', [true, true, ['gzip', 'br']]],
    ],
    toml: 'true',
    wrong: ['brotli', /must be on, off, files, zstd, br or gzip/],
  },
  'compress-types': {
    of: ({ compression: { types } }) => types,
    standard: USUAL_TYPES,
    texts: [['text/*,Application/JSON', ['text/*', 'application/json']]],
    toml: '["text/*", "application/json"]',
    wrong: ['css', /must be a media type/],
  },
  'compress-min-length': {
    of: ({ compression: { minLength } }) => minLength,
    standard: 512,
    texts: [
      ['2K', 2048],
      ['0', 0],
    ],
    toml: '2048',
    wrong: ['2 kilos', SIZE],
  },
}
