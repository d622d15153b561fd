import type { Case } from './case.ts'

export const responses: Readonly<Record<string, Case>> = {
  'response-header': {
    of: ({ responseHeaders }) => responseHeaders,
    standard: [],
    texts: [
      ['Server: shop', ['Server', 'shop']],
      ['X-A:b:c', ['X-A', 'b:c']],
    ],
    toml: '"Server: shop"',
    wrong: ['Server', /must be NAME:VALUE/],
  },
}
