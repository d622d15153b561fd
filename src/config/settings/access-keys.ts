/**
 * Keys of sites and locations that say who is let in. They are part of those of `site-keys.ts`. What nginx has too has nginx's name, with
 * hyphens.
 */
import { parseAccessRule, parseMethods } from '../kinds/access-words.ts'
import { oneOf, text } from '../kinds/kinds.ts'
import { input } from './setting.ts'

const ofFile = { section: 'Sites', sources: ['file'], change: 'live' } as const
const none = { default: null, defaultText: 'none' } as const
const ruleKind = text('`allow` or `deny`, and an address, a range, `unix:` or `all`', parseAccessRule)

/** What a location inherits from its site: the nearest value as a whole. */
export const accessSettings = {
  access: input({
    ...ofFile,
    ...none,
    name: 'access',
    placeholder: 'RULE',
    kind: ruleKind,
    why: 'A site is for everybody.',
    doc: 'Addresses that are let in: "allow 10.0.0.0/8", "deny all"; a list, the first that has the address decides.',
    more: 'An address that no rule has is let in. It is the address of the client, as `trusted-proxies` say. `unix:` is who comes by a Unix socket. A `return` answers before anybody is asked.',
    repeatable: 'words',
  }),
  satisfy: input({
    ...ofFile,
    name: 'satisfy',
    placeholder: 'WORD',
    kind: oneOf(['all', 'any']),
    default: 'all',
    why: 'One lock more must not open the others.',
    doc: 'Whether all that is asked must let the client in (access, auth-basic, auth-request), or any of it.',
  }),
}

/** Keys of a location alone. */
export const methodKeys = {
  limitExcept: input({
    ...ofFile,
    ...none,
    name: 'limit-except',
    placeholder: 'METHODS',
    kind: text('methods', parseMethods),
    why: 'An application answers 405 itself.',
    doc: 'Methods that are for all whom the location lets in, as in "GET POST"; for others limit-except-access decides.',
    more: 'GET stands for HEAD too. Locations inside do not have it.',
  }),
  limitExceptAccess: input({
    ...ofFile,
    name: 'limit-except-access',
    placeholder: 'RULE',
    kind: ruleKind,
    default: 'deny all',
    why: 'It is what nearly everybody writes there.',
    doc: 'As access, for the methods that limit-except does not name.',
    repeatable: 'words',
  }),
}
