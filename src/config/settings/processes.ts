/** Settings of the processes: their user, their permissions, their files. */
import { parseAccount } from '../kinds/forms.ts'
import { octalOr, path, text } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

const account = text('name or number, or `none`', parseAccount, {
  literals: ['integer'],
  json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] },
})

export const processes = {
  user: input<string | null>({
    name: 'user',
    short: 'u',
    section: 'Process',
    placeholder: 'NAME',
    kind: account,
    default: 'none',
    defaultText: 'as started',
    why: 'systemd and containers change the user themselves.',
    doc: 'User of the workers, and of the gateway; needs root.',
    more: 'Its supplementary groups are kept. The master stays root, to bind, to reload and to drop privileges again.',
    change: 'restart',
  }),
  group: input<string | null>({
    name: 'group',
    short: 'g',
    section: 'Process',
    placeholder: 'NAME',
    kind: account,
    default: 'none',
    defaultText: "the user's own",
    why: 'What the account database says of the user.',
    doc: 'Group of the workers, and of the gateway; needs root.',
    change: 'restart',
  }),
  gatewayUser: input<string | null>({
    name: 'gateway-user',
    section: 'Process',
    placeholder: 'NAME',
    kind: account,
    default: 'none',
    defaultText: 'the user of --user',
    why: 'One user needs no further account.',
    doc: 'User of the gateway, which talks to the clients; needs root.',
    more: "Its group is the user's own. An application that is another user can read neither what the gateway knows of other applications, nor its logs. Then the gateway cannot open the application's files, so the workers send them themselves. No application should be in the gateway's group: with it, an application reaches the sockets of the others. `none`: as started.",
    change: 'restart',
  }),
  umask: plain({
    name: 'umask',
    section: 'Process',
    placeholder: 'MASK',
    kind: octalOr('inherit'),
    default: 'inherit',
    why: 'systemd, Docker and shells set a mask.',
    doc: 'Permissions that new files do not get, octal.',
    change: 'restart',
  }),
  pidFile: plain({
    name: 'pid-file',
    section: 'Process',
    placeholder: 'FILE',
    kind: path('must name a file, or be off', ['off']),
    default: 'off',
    why: 'systemd and Docker need no such file.',
    doc: 'File with the process id of the master, while it runs.',
    change: 'restart',
  }),
  temporaryDirectory: input({
    name: 'temp-dir',
    section: 'Process',
    placeholder: 'DIR',
    kind: path('must name a directory, or be auto', ['auto']),
    default: 'auto',
    defaultText: '$TMPDIR, else /tmp',
    why: 'Every program takes these.',
    doc: 'Directory for large bodies and for sockets between processes.',
    more: 'For large uploads name a directory on a disk, not in memory.',
    change: 'restart',
  }),
}
