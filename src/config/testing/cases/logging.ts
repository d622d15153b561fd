import { type Case, time } from './case.ts'

const log = ['--access-log=-']

export const logging: Readonly<Record<string, Case>> = {
  'access-log': {
    of: ({ accessLog }) => accessLog?.path,
    standard: undefined,
    texts: [
      ['a.log', '$/a.log'],
      ['-', '-'],
      ['/var/log/a.log', '/var/log/a.log'],
      ['off', undefined],
    ],
    toml: '"a.log"',
    wrong: ['\0', /must name a file, or be - \(standard output\) or off/],
  },
  'access-log-format': {
    of: ({ accessLog }) => accessLog?.format,
    standard: 'combined',
    texts: [
      ['json', 'json'],
      ['common', 'common'],
      ['%(h)s %(s)s', '%(h)s %(s)s'],
    ],
    toml: '"json"',
    wrong: ['jsno', /must be common, combined, json, or one line with atoms/],
    with: log,
  },
  'access-log-min-status': {
    of: ({ accessLog }) => accessLog?.minStatus,
    standard: 0,
    texts: [
      ['400', 400],
      ['0', 0],
    ],
    toml: '400',
    wrong: ['4xx', /must be a status from 100 to 599, or 0/],
    with: log,
  },
  'access-log-slow': { ...time(({ accessLog }) => accessLog?.slowerThan, 0), with: log },
  'log-file': {
    of: ({ logFile }) => logFile,
    standard: null,
    texts: [
      ['j.log', '$/j.log'],
      ['-', null],
    ],
    toml: '"j.log"',
    wrong: ['\0', /must name a file, or be - \(standard error\)/],
  },
  'log-level': {
    of: ({ logLevel }) => logLevel,
    standard: 'info',
    texts: [
      ['debug', 'debug'],
      ['warn', 'warn'],
      ['error', 'error'],
    ],
    toml: '"debug"',
    wrong: ['loud', /must be debug, info, warn or error/],
  },
  'log-format': {
    of: ({ logFormat }) => logFormat,
    standard: 'text',
    texts: [['json', 'json']],
    toml: '"json"',
    wrong: ['xml', /must be text or json/],
  },
}
