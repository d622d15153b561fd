import { type Case, SECONDS, SIZE, time } from './case.ts'

export const websockets: Readonly<Record<string, Case>> = {
  'ws-compression': {
    of: ({ webSocketCompression }) => webSocketCompression,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
    ],
    toml: 'false',
    wrong: ['deflate', /must be on or off/],
  },
  'ws-max-size': {
    of: ({ limits }) => limits.websocketMessage,
    standard: 16 * 1024 ** 2,
    texts: [['1M', 1024 ** 2]],
    toml: '1048576',
    wrong: ['big', SIZE],
  },
  'ws-ping-interval': time(({ timeouts }) => timeouts.websocketPing, 20 * SECONDS),
  'ws-ping-timeout': time(({ timeouts }) => timeouts.websocketPong, 20 * SECONDS),
}
