import { type Case, GIB, NUMBER_FROM, SECONDS, time } from './case.ts'

export const workers: Readonly<Record<string, Case>> = {
  workers: {
    of: (_, { workers, asgiWorkers, workersReason }) => [workers, asgiWorkers, workersReason],
    standard: [4, 1, 'auto: 4 cores'],
    texts: [
      ['7', [7, null, '']],
      ['auto', [4, null, 'auto: 4 cores']],
    ],
    toml: '7',
    wrong: ['0', /must be a whole number from 1 to 1024, or auto/],
  },
  threads: {
    of: (_, { threads }) => threads,
    standard: 1,
    texts: [['8', 8]],
    toml: '8',
    wrong: ['many', /must be a whole number from 1 to 256/],
  },
  concurrency: {
    of: (_, { concurrency }) => concurrency,
    standard: 1000,
    texts: [['64', 64]],
    toml: '64',
    wrong: ['0', /must be a whole number from 1 to 65536/],
  },
  'worker-class': {
    of: (_, { workerClass }) => workerClass,
    standard: 'auto',
    texts: [['gevent', 'gevent']],
    toml: '"gevent"',
    wrong: ['gthread', /must be auto or gevent \(did you mean auto\?\)/],
  },
  timeout: time((_, { timeouts }) => timeouts.request, 30 * SECONDS),
  'timeout-for': {
    of: (_, { timeouts }) => timeouts.requestFor,
    standard: [],
    texts: [
      ['/export=5m', [{ prefix: '/export/', timeout: 300_000 }]],
      ['/ping=0', [{ prefix: '/ping/', timeout: 0 }]],
    ],
    toml: '{ "/export" = "5m" }',
    wrong: ['/export', /must be PREFIX=TIME/],
  },
  'stream-idle-timeout': time((_, { timeouts }) => timeouts.streamIdle, 3600 * SECONDS),
  'graceful-timeout': time((_, { timeouts }) => timeouts.graceful, 30 * SECONDS),
  'start-timeout': time((_, { startTimeout }) => startTimeout, 300 * SECONDS),
  retry: {
    of: (_, { retry }) => retry,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
    ],
    toml: 'false',
    wrong: ['never', /must be on or off/],
  },
  'max-requests': {
    of: (_, { recycle }) => recycle.maxRequests,
    standard: 0,
    texts: [['1000', 1000]],
    toml: '1_000',
    wrong: ['1k', NUMBER_FROM],
  },
  'max-requests-jitter': {
    of: (_, { recycle }) => recycle.maxRequestsJitter,
    standard: 0,
    texts: [['100', 100]],
    toml: '100',
    wrong: ['-1', NUMBER_FROM],
  },
  'max-age': time((_, { recycle }) => recycle.maxAge, 0),
  'max-memory': {
    of: (_, { recycle }) => recycle.maxMemory,
    standard: 0,
    texts: [
      ['300M', 300 * 1024 ** 2],
      ['1.5GiB', 1.5 * GIB],
      ['0', 0],
      ['1073741824', GIB],
    ],
    toml: '"300M"',
    wrong: ['300', /must be from 16M to 1T, or 0/],
  },
  affinity: {
    of: (_, { affinity }) => affinity,
    standard: null,
    texts: [
      ['cookie', { kind: 'cookie' }],
      ['header:X-Session', { kind: 'header', name: 'x-session' }],
      ['off', null],
    ],
    toml: '"cookie"',
    wrong: ['session', /must be off, cookie, address, or header:NAME/],
  },
}
