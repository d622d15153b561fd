import type { Case } from './case.ts'

export const processes: Readonly<Record<string, Case>> = {
  'gateway-threads': {
    of: ({ gatewayThreads }) => gatewayThreads,
    standard: 1,
    texts: [
      ['3', 3],
      ['1', 1],
      ['auto', 1],
    ],
    toml: '3',
    wrong: ['65', /must be a whole number from 1 to 64, or auto/],
  },
  'gateway-user': {
    of: ({ gatewayIdentity }) => gatewayIdentity,
    standard: null,
    texts: [
      ['www-data', { uid: 33, gid: 33, userName: 'www-data' }],
      ['none', null],
    ],
    toml: '"www-data"',
    wrong: ['nobody-there', /must name a user that this machine knows/],
  },
  umask: {
    of: ({ umask }) => umask,
    standard: null,
    texts: [
      ['027', 0o27],
      ['0', 0],
      ['inherit', null],
    ],
    toml: '"027"',
    wrong: ['9', /must be octal, from 0 to 777, as in 027, or inherit/],
  },
  daemon: {
    of: config => config.daemon,
    standard: 'off',
    texts: [
      ['on', 'on'],
      ['inherit', 'inherit'],
      ['off', 'off'],
    ],
    toml: 'true',
    wrong: ['yes', /must be off, on or inherit/],
  },
  'pid-file': {
    of: ({ pidFile }) => pidFile,
    standard: null,
    texts: [
      ['j.pid', '$/j.pid'],
      ['off', null],
    ],
    toml: '"j.pid"',
    wrong: ['\0', /must name a file, or be off/],
  },
  'temp-dir': {
    of: ({ temporaryDirectory }) => temporaryDirectory,
    standard: '/tmp',
    texts: [
      ['site', '$/site'],
      ['auto', '/tmp'],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that this user may write to/],
  },
  'admin-socket': {
    of: ({ adminSocket }) => (adminSocket.isAuto ? 'auto' : (adminSocket.paths[0] ?? null)),
    standard: 'auto',
    texts: [
      ['a.sock', '$/a.sock'],
      ['off', null],
    ],
    toml: '"a.sock"',
    wrong: ['\0', /must be a path, or be auto or off/],
  },
  'affinity-key': {
    of: ({ affinityKey }) => affinityKey,
    standard: null,
    texts: [
      ['site/key', '$/site/key'],
      ['auto', null],
    ],
    toml: '"site/key"',
    wrong: ['\0', /must name a file, or be auto/],
  },
}
