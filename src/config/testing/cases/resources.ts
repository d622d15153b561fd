import { type Case, GIB, NUMBER_FROM } from './case.ts'

export const resources: Readonly<Record<string, Case>> = {
  'limit-temp-bytes': {
    of: ({ limits }) => limits.temporaryBytes,
    standard: null,
    texts: [
      ['2G', 2 * GIB],
      ['auto', null],
    ],
    toml: '"2G"',
    wrong: ['1K', /must be from 1M to 1024T, or auto/],
  },
  'limit-memory': {
    of: ({ limits }) => limits.memory,
    standard: GIB,
    texts: [
      ['2G', 2 * GIB],
      ['auto', GIB],
    ],
    toml: '"2G"',
    wrong: ['1K', /must be from 1M to 1T, or auto/],
  },
  'limit-connections': {
    of: ({ limits }) => limits.connections,
    standard: 4096,
    texts: [
      ['100', 100],
      ['auto', 4096],
    ],
    toml: '100',
    wrong: ['0', NUMBER_FROM],
  },
  'limit-connections-per-address': {
    of: ({ limits }) => limits.connectionsPerAddress,
    standard: 2048,
    texts: [
      ['100', 100],
      ['0', 0],
      ['auto', 2048],
    ],
    toml: '100',
    wrong: ['many', /must be a whole number from 0 to 1000000, or auto/],
  },
}
