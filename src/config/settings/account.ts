/** Settings of the user and the group that an application runs as. */
import { parseAccount } from '../kinds/forms.ts'
import { text } from '../kinds/kinds.ts'
import { input } from './setting.ts'

const kind = text('name or number, or `none`', parseAccount, {
  literals: ['integer'],
  json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] },
})

export const account = {
  user: input<string | null>({
    name: 'user',
    short: 'u',
    section: 'Process',
    placeholder: 'NAME',
    kind,
    default: 'none',
    defaultText: 'as started',
    why: 'systemd and containers change the user themselves.',
    doc: 'User of the gateway and the workers; needs root.',
    more: 'Its supplementary groups are kept. The master stays root, to bind, to reload and to drop privileges again.',
    change: 'restart',
  }),
  group: input<string | null>({
    name: 'group',
    short: 'g',
    section: 'Process',
    placeholder: 'NAME',
    kind,
    default: 'none',
    defaultText: "the user's own",
    why: 'What the account database says of the user.',
    doc: 'Group of the gateway and the workers; needs root.',
    change: 'restart',
  }),
}
