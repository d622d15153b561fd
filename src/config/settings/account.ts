/** Settings of the user and the group that an application runs as. */
import { account as accountKind } from '../kinds/account.ts'
import { input } from './setting.ts'

export const account = {
  user: input<string | null>({
    name: 'user',
    short: 'u',
    section: 'Process',
    placeholder: 'NAME',
    kind: accountKind,
    default: 'none',
    defaultText: 'as started',
    why: 'systemd and containers change the user themselves.',
    doc: 'User of the workers, and of the gateway; needs root.',
    more: 'Its supplementary groups are kept. The master stays root, to bind, to reload and to drop privileges again. Only different users are kept apart: processes of one user can signal each other and read each other, whichever application they belong to.',
    change: 'restart',
  }),
  group: input<string | null>({
    name: 'group',
    short: 'g',
    section: 'Process',
    placeholder: 'NAME',
    kind: accountKind,
    default: 'none',
    defaultText: "the user's own",
    why: 'What the account database says of the user.',
    doc: 'Group of the workers, and of the gateway; needs root.',
    change: 'restart',
  }),
}
