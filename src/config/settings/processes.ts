/** Settings of the processes: who they are, and what they leave on the disk. */
import { parseAccount } from '../kinds/forms.ts'
import { octalOr, path, text } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

export const processes = {
  user: input<string | null>({
    name: 'user',
    short: 'u',
    section: 'Process',
    placeholder: 'NAME',
    kind: text('name or number, or `none`', parseAccount, {
      literals: ['integer'],
      json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] },
    }),
    default: 'none',
    defaultText: 'as started',
    why: 'systemd and containers change the user themselves.',
    doc: 'Whom the gateway and the workers become; only root may.',
    more: 'Its supplementary groups are kept. The master stays root, to bind, to reload and to drop privileges again.',
    change: 'restart',
  }),
  group: input<string | null>({
    name: 'group',
    short: 'g',
    section: 'Process',
    placeholder: 'NAME',
    kind: text('name or number, or `none`', parseAccount, {
      literals: ['integer'],
      json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] },
    }),
    default: 'none',
    defaultText: "the user's own",
    why: 'What the account database says of the user.',
    doc: 'Which group they have; only root may.',
    change: 'restart',
  }),
  umask: plain({
    name: 'umask',
    section: 'Process',
    placeholder: 'MASK',
    kind: octalOr('inherit'),
    default: 'inherit',
    why: 'systemd, Docker and shells set one.',
    doc: 'Mask of the permissions of files that are made, octal.',
    change: 'restart',
  }),
  pidFile: plain({
    name: 'pid-file',
    section: 'Process',
    placeholder: 'FILE',
    kind: path('must name a file, or be off', ['off']),
    default: 'off',
    why: 'systemd and Docker need none.',
    doc: 'File with the process number of the master, while it runs.',
    change: 'restart',
  }),
  temporaryDirectory: input({
    name: 'temp-dir',
    section: 'Process',
    placeholder: 'DIR',
    kind: path('must name a directory, or be auto', ['auto']),
    default: 'auto',
    defaultText: '$TMPDIR, else /tmp',
    why: 'What every program takes.',
    doc: 'Directory for large bodies and for sockets between processes.',
    more: 'On a disk rather than in memory, where uploads are large.',
    change: 'restart',
  }),
}
