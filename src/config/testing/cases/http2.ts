import { type Case, NUMBER_FROM } from './case.ts'

export const http2: Readonly<Record<string, Case>> = {
  http2: {
    of: ({ http2 }) => http2.isOn,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
    ],
    toml: 'false',
    wrong: ['h2c', /must be on or off/],
  },
  'limit-streams': {
    of: ({ http2 }) => http2.streams,
    standard: 100,
    texts: [
      ['32', 32],
      ['1', 1],
      ['1000', 1000],
    ],
    toml: '32',
    wrong: ['1001', NUMBER_FROM],
  },
  'limit-frame-size': {
    of: ({ http2 }) => http2.frameSize,
    standard: 16_384,
    texts: [
      ['64K', 65_536],
      ['16384', 16_384],
      ['1M', 1_048_576],
    ],
    toml: '"64K"',
    wrong: ['16383', /must be from 16K to 1M/],
  },
}
