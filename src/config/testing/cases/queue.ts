import { type Case, NUMBER_FROM, SECONDS, time } from './case.ts'

export const queue: Readonly<Record<string, Case>> = {
  'queue-limit': {
    of: (_, { limits }) => limits.queue,
    standard: 1024,
    texts: [['10', 10]],
    toml: '10',
    wrong: ['0', NUMBER_FROM],
  },
  'queue-timeout': time((_, { timeouts }) => timeouts.queue, 30 * SECONDS),
  'queue-order': {
    of: (_, { queueOrder }) => queueOrder,
    standard: 'fifo',
    texts: [
      ['newest-first', 'newest-first'],
      ['fifo', 'fifo'],
    ],
    toml: '"newest-first"',
    wrong: ['lifo', /must be fifo or newest-first/],
  },
}
