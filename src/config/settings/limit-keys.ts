/** Keys of `[[limit]]`: how often, or how many at once, requests with one key may come. They are defined as settings are. */
import { count, text } from '../kinds/kinds.ts'
import { parseRate } from '../kinds/limit-words.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { nameKey, none, ofFile, template, word } from './site-kinds.ts'

/** More than the gateway has connections means nothing. */
const MOST_AT_ONCE = 1_000_000

export const limitKeys = {
  name: nameKey(
    word(
      'lower-case letters, digits, `-`, `_`',
      /^(?!off$)[a-z0-9][a-z0-9_-]{0,31}$/,
      'must be of lower-case letters, digits, - and _, and not off',
    ),
    'What `limits` of sites and locations call it.',
  ),
  key: input<string>({
    ...ofFile,
    name: 'key',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    default: '$remote_addr',
    why: 'Most limits are for each client.',
    doc: 'Requests with the same text are counted together, as in "$remote_addr" or "$cookie_session"; an empty text is not limited.',
    more: 'With IPv6 `$remote_addr` is the network of 64 bits here, since any client has one. A `[[map]]` can give an empty text to those who are not limited.',
  }),
  rate: input<number>({
    ...ofFile,
    ...none,
    name: 'rate',
    placeholder: 'RATE',
    kind: text('requests in a time: `10/s`, `30/m`, `5/h`', parseRate),
    why: 'A limit has a rate, or connections.',
    doc: 'How often they may come, as in "10/s" or "30/m".',
    more: 'They are spaced evenly, as in nginx: 30/m is one in two seconds. `burst` of `limits` says how many may come sooner.',
  }),
  connections: input<number>({
    ...ofFile,
    ...none,
    name: 'connections',
    placeholder: 'N',
    kind: count(1, MOST_AT_ONCE),
    why: 'A limit has a rate, or connections.',
    doc: 'How many of them may run at once.',
    more: 'A request counts until its response has been sent. As in nginx each request of HTTP/2 counts, not its connection.',
  }),
}

export const LIMIT_KEYS: readonly Setting[] = settingsIn(limitKeys)
