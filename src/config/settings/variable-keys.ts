/**
 * Keys of the tables that define variables for sites: `[[map]]`, `[[geo]]` and `[[split]]`. Defined as settings are, so the reference, the
 * schema and all messages are made from them.
 */
import { onOrOff, text } from '../kinds/kinds.ts'
import { parseSplitPart } from '../kinds/site-words.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { nameKey, none, ofFile, pair, template, word } from './site-kinds.ts'

const nameOf = (what: string) =>
  nameKey(
    word('name of a variable', /^\$?[A-Za-z_]\w*$/, 'must be the name of a variable'),
    `The variable that the ${what} defines, as in "$kind".`,
  )

/** Keys of `[[map]]`. */
export const mapKeys = {
  name: nameOf('map'),
  from: input<string>({
    ...ofFile,
    ...none,
    name: 'from',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    why: 'It must be given.',
    doc: 'What is looked up, as in "$http_accept_language".',
  }),
  values: input({
    ...ofFile,
    ...none,
    name: 'values',
    placeholder: 'TABLE',
    kind: pair(/^[^\0\r\n]*$/, 'must be one line'),
    why: 'It must be given.',
    doc: 'Values by text, or by "~regex"; "default" is for all others.',
    repeatable: 'words',
  }),
  hostnames: input<boolean>({
    ...ofFile,
    name: 'hostnames',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Most texts are no hosts.',
    doc: 'Keys such as *.example.kr are for all names below.',
  }),
}

/** Keys of `[[geo]]`. */
export const geoKeys = {
  name: nameOf('geo'),
  from: input<string>({
    ...ofFile,
    name: 'from',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    default: '$remote_addr',
    why: 'It is the address of the client, also behind `trusted-proxies`.',
    doc: 'The address that is looked up.',
  }),
  networks: input({
    ...ofFile,
    ...none,
    name: 'networks',
    placeholder: 'TABLE',
    kind: pair(/^[^\0\r\n]*$/, 'must be one line'),
    why: 'It must be given.',
    doc: 'Values by network, as in { default = "far", "10.0.0.0/8" = "near", "2001:db8::/32" = "near" }.',
    more: 'The longest prefix wins. What is no address, such as a client of a Unix socket, counts as 255.255.255.255, as in nginx.',
    repeatable: 'words',
  }),
}

/** Keys of `[[split]]`. */
export const splitKeys = {
  name: nameOf('split'),
  from: input<string>({
    ...ofFile,
    ...none,
    name: 'from',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    why: 'It must be given.',
    doc: 'What is hashed, as in "$remote_addr$http_user_agent": the same text has the same value always.',
  }),
  parts: input({
    ...ofFile,
    ...none,
    name: 'parts',
    placeholder: 'PART',
    kind: text('percentage or `*`, then a value', parseSplitPart),
    why: 'It must be given.',
    doc: 'Shares and their values, as in ["0.5% new", "20% other", "* old"]; a list.',
    more: 'The same clients as in nginx are in each part. `*` is all that is left; without it the value is empty for those.',
    repeatable: 'words',
  }),
}

export const MAP_KEYS: readonly Setting[] = settingsIn(mapKeys)
export const GEO_KEYS: readonly Setting[] = settingsIn(geoKeys)
export const SPLIT_KEYS: readonly Setting[] = settingsIn(splitKeys)
