import { type Case, NUMBER_FROM, SIZE } from './case.ts'

export const requests: Readonly<Record<string, Case>> = {
  'limit-request-line': {
    of: ({ limits }) => limits.requestLine,
    standard: 8192,
    texts: [['16K', 16_384]],
    toml: '16384',
    wrong: ['4 KB', SIZE],
  },
  'limit-request-fields': {
    of: ({ limits }) => limits.headerCount,
    standard: 100,
    texts: [['50', 50]],
    toml: '50',
    wrong: ['0', NUMBER_FROM],
  },
  'limit-request-header-size': {
    of: ({ limits }) => limits.headerBytes,
    standard: 65_536,
    texts: [['16k', 16_384]],
    toml: '"16k"',
    wrong: ['1', /must be from 512 to 256K/],
  },
}
