/** A user or a group: a name, a number, or none. */
import { parseAccount } from './forms.ts'
import { type Kind, text } from './kinds.ts'

export const account: Kind<string | null> = text('name or number, or `none`', parseAccount, {
  literals: ['integer'],
  json: { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }] },
})
