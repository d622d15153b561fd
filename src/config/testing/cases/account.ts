import type { Case } from './case.ts'

export const account: Readonly<Record<string, Case>> = {
  user: {
    of: (_, { identity }) => identity,
    standard: null,
    texts: [
      ['www-data', { uid: 33, gid: 33, userName: 'www-data' }],
      ['33', { uid: 33, gid: 33, userName: 'www-data' }],
      ['none', null],
    ],
    toml: '"www-data"',
    wrong: ['nobody-there', /must name a user that this machine knows/],
  },
  group: {
    of: (_, { identity }) => identity,
    standard: null,
    texts: [
      ['staff', { uid: 0, gid: 50, userName: 'root' }],
      ['5000', { uid: 0, gid: 5000, userName: 'root' }],
    ],
    toml: '"staff"',
    wrong: ['no-group', /must name a group that this machine knows/],
  },
}
