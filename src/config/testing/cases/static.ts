import type { Case } from './case.ts'

export const staticFiles: Readonly<Record<string, Case>> = {
  'sendfile-roots': {
    of: (_, { sendfileRoots }) => sendfileRoots,
    standard: [],
    texts: [
      ['site', ['$/site']],
      ['$/site', ['$/site']],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that exists/],
  },
  static: {
    of: (_, { staticMounts, findStatic }) => [staticMounts, findStatic],
    standard: [[], true],
    texts: [
      ['/static=site', [[{ url: '/static/', directory: '$/site' }], true]],
      ['off', [[], false]],
    ],
    toml: '{ "/static" = "site" }',
    wrong: ['/static', /must be URL=DIR/],
  },
}
