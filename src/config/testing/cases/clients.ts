import { type Case, SECONDS, SIZE, time } from './case.ts'

function rate(of: Case['of']): Case {
  return {
    of,
    standard: 240,
    texts: [
      ['1K', 1024],
      ['0', 0],
    ],
    toml: '"1K"',
    wrong: ['1K/s', SIZE],
  }
}

export const clients: Readonly<Record<string, Case>> = {
  'keep-alive': { ...time(({ timeouts }) => timeouts.keepAlive, 75 * SECONDS), wrong: ['0', /must be a time above 0/] },
  'header-timeout': time(({ timeouts }) => timeouts.head, 15 * SECONDS),
  'body-timeout': time(({ timeouts }) => timeouts.body, 30 * SECONDS),
  'send-timeout': time(({ timeouts }) => timeouts.send, 60 * SECONDS),
  'min-body-rate': rate(({ limits }) => limits.bodyRate),
  'min-send-rate': rate(({ limits }) => limits.sendRate),
}
