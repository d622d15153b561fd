/** What is compressed for clients: keys of sites and locations. */
import { type CompressWord, compress, minLength, types } from './compression-words.ts'
import { input } from './setting.ts'
import { ofFile } from './site-kinds.ts'

const about = {
  ...ofFile,
  default: null,
  defaultText: 'that of the top of the file',
  why: 'What is right for one page is right for most.',
  more: 'As at the top of the file. The static files of an application have what stands there.',
} as const

export const compressionKeys = {
  compress: input<CompressWord>({ ...compress, ...about }),
  compressTypes: input<string>({ ...types, ...about }),
  compressMinLength: input<number>({ ...minLength, ...about }),
}
