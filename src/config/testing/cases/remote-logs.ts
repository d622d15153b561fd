import type { Case } from './case.ts'

const statsd = ['--statsd-host=127.0.0.1:8125']
const syslog = ['--syslog=udp://127.0.0.1']
const udp = { kind: 'udp', host: '127.0.0.1' }

export const remoteLogs: Readonly<Record<string, Case>> = {
  'statsd-host': {
    of: config => config.statsd?.address,
    standard: undefined,
    texts: [
      ['127.0.0.1:8125', { ...udp, port: 8125 }],
      ['udp://[::1]:8125', { kind: 'udp', host: '::1', port: 8125 }],
      ['stats.example:9', { kind: 'udp', host: 'stats.example', port: 9 }],
      ['unix://run/dsd.socket', { kind: 'unix', path: '$/run/dsd.socket' }],
      ['unix:///run/dsd.socket', { kind: 'unix', path: '/run/dsd.socket' }],
      ['off', undefined],
    ],
    toml: '"127.0.0.1:8125"',
    wrong: ['stats.example', /must be HOST:PORT, unix:\/\/\/PATH or off/],
  },
  'statsd-prefix': {
    of: config => config.statsd?.prefix,
    standard: 'jumak',
    texts: [
      ['shop', 'shop'],
      ['a.shop.', 'a.shop'],
    ],
    toml: '"shop"',
    wrong: ['a:b', /must have letters, digits/],
    with: statsd,
  },
  'statsd-tags': {
    of: config => config.statsd?.tags,
    standard: '',
    texts: [['env:prod,shop', 'env:prod,shop']],
    toml: '"env:prod,shop"',
    wrong: ['a|b', /must be tags with commas/],
    with: statsd,
  },
  'statsd-backlog': {
    of: config => config.statsd?.backlog,
    standard: false,
    texts: [
      ['on', true],
      ['off', false],
    ],
    toml: 'true',
    wrong: ['x', /must be on or off/],
    with: statsd,
  },
  syslog: {
    of: config => config.syslog?.address,
    standard: undefined,
    texts: [
      ['udp://127.0.0.1', { ...udp, port: 514 }],
      ['127.0.0.1:5514', { ...udp, port: 5514 }],
      ['tcp://logs.example:601', { kind: 'tcp', host: 'logs.example', port: 601 }],
      ['unix:///dev/log', { kind: 'unix', path: '/dev/log' }],
      ['off', undefined],
    ],
    toml: '"udp://127.0.0.1"',
    wrong: ['http://x', /must be udp:\/\/HOST:PORT, tcp:\/\/HOST:PORT, unix:\/\/\/PATH or off/],
  },
  'syslog-name': {
    of: config => config.syslog?.name,
    standard: 'jumak',
    texts: [['shop', 'shop']],
    toml: '"shop"',
    wrong: ['a b', /must be a word of ASCII/],
    with: syslog,
  },
  'syslog-facility': {
    of: config => config.syslog?.facility,
    standard: 1,
    texts: [
      ['local3', 19],
      ['Daemon', 3],
    ],
    toml: '"local3"',
    wrong: ['loud', /must be one of kern, user/],
    with: syslog,
  },
  'syslog-requests': {
    of: config => config.syslog?.access !== undefined && config.syslog.access !== null,
    standard: false,
    texts: [
      ['on', true],
      ['off', false],
    ],
    toml: 'true',
    wrong: ['x', /must be on or off/],
    with: syslog,
  },
}
