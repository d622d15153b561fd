/** What is compressed for clients: keys of sites and locations. */
import { type CompressWord, compress, minLength, types } from './compression-words.ts'
import { input } from './setting.ts'
import { ofFile } from './site-kinds.ts'

const about = { ...ofFile, default: null, defaultText: 'that of the top of the file' } as const

export const compressionKeys = {
  compress: input<CompressWord>({ ...compress, ...about }),
  compressTypes: input<string>({ ...types, ...about }),
  compressMinLength: input<number>({ ...minLength, ...about }),
}
