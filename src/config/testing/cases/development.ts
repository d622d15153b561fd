import type { Case } from './case.ts'

export const development: Readonly<Record<string, Case>> = {
  reload: {
    of: ({ isDevelopment }, { watch }) => [isDevelopment, watch],
    standard: [false, []],
    texts: [
      ['on', [true, ['$']]],
      ['off', [false, []]],
    ],
    toml: 'true',
    wrong: ['perhaps', /must be on or off/],
  },
}
