/** What is compressed for clients: settings of the program. */
import { type CompressWord, compress, minLength, types } from './compression-words.ts'
import { input } from './setting.ts'

const about = { section: 'Static files', change: 'restart' } as const

export const compression = {
  compression: {
    compress: input<CompressWord>({ ...compress, ...about }),
    types: input<string>({ ...types, ...about }),
    minLength: input<number>({ ...minLength, ...about }),
  },
}
