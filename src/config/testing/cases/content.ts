import { type Case, GIB, SIZE } from './case.ts'

export const content: Readonly<Record<string, Case>> = {
  'request-buffering': {
    of: (_, { requestBuffering }) => requestBuffering,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
      ['False', false],
    ],
    toml: 'false',
    wrong: ['maybe', /must be on or off/],
  },
  'limit-request-body': {
    of: (_, { limits }) => limits.body,
    standard: GIB,
    texts: [
      ['10M', 10 * 1024 ** 2],
      ['0', Number.MAX_SAFE_INTEGER],
    ],
    toml: '10485760',
    wrong: ['big', SIZE],
  },
}
