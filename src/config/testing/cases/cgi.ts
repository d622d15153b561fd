import { type Case, NUMBER_FROM, time } from './case.ts'

export const cgi: Readonly<Record<string, Case>> = {
  cgi: {
    of: config => config.sites.cgiPrograms.map(({ path }) => path),
    standard: [],
    texts: [
      ['.', ['$']],
      ['off', []],
    ],
    with: ['--cgi-user', 'www-data'],
    toml: '"."',
    wrong: ['\0', /must be a path without variables/],
  },
  'cgi-processes': {
    of: config => config.cgi.processes,
    standard: 16,
    texts: [
      ['3', 3],
      ['auto', 16],
    ],
    toml: '3',
    wrong: ['0', NUMBER_FROM],
  },
  'cgi-queue-timeout': time(config => config.cgi.queueTimeout, 30_000),
  'cgi-user': {
    of: config => config.cgi.identity,
    standard: null,
    texts: [
      ['www-data', { uid: 33, gid: 33, userName: 'www-data' }],
      ['none', null],
    ],
    toml: '"www-data"',
    wrong: ['nobody-there', /must name a user that this machine knows/],
  },
}
