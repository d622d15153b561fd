import { type Case, NUMBER_FROM, SECONDS, time } from './case.ts'

export const queue: Readonly<Record<string, Case>> = {
  'queue-limit': {
    of: (_, { limits }) => limits.queue,
    standard: 1024,
    texts: [
      ['10', 10],
      ['0', 0],
    ],
    toml: '10',
    wrong: ['-', NUMBER_FROM],
  },
  'limit-requests-per-address': {
    of: (_, { limits }) => limits.requestsPerAddress,
    standard: 512,
    texts: [
      ['100', 100],
      ['0', 0],
      ['auto', 512],
    ],
    toml: '100',
    wrong: ['many', /must be a whole number from 0 to 1000000, or auto/],
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
