import type { Case } from './case.ts'

export const watching: Readonly<Record<string, Case>> = {
  'reload-dir': {
    of: (_, { watch }) => watch,
    standard: ['$'],
    texts: [['site', ['$/site']]],
    toml: '["site"]',
    wrong: ['nowhere', /must name a directory that exists/],
    with: ['--reload'],
  },
}
