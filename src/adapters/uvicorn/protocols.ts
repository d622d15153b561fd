/** HTTP, WebSockets and proxies of uvicorn. Pure. */
import { isAddressOrRange } from '../../config/kinds/ip.ts'
import { MAX_HEADERS, MAX_REQUEST_LINE, MIN_HEADERS } from '../../config/settings/requests.ts'
import { MAX_MESSAGE } from '../../config/settings/websockets.ts'
import { idle, type Section, works } from '../option.ts'
import { decimalNumber, list, text, wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'
import { boolean, oneOfOrName, pair } from './shapes.ts'

const PROTOCOL = ['would run a protocol class of yours', 'leave it out: the gateway speaks to clients'] as const

export const PROTOCOLS: Section = {
  title: 'HTTP',
  options: [
    works(
      'http',
      {
        flags: ['--http'],
        shape: oneOfOrName('auto', 'h11', 'httptools'),
        standard: 'auto',
        doc: 'What reads HTTP: auto, h11 or httptools.',
      },
      'not needed: the gateway reads HTTP; a class of yours is not supported',
      (name, to) => {
        if (name.includes(':')) to.refuse(...PROTOCOL)
      },
    ),
    works(
      'h11_max_incomplete_event_size',
      {
        flags: ['--h11-max-incomplete-event-size'],
        shape: wholeNumber(),
        standard: '65536',
        doc: 'Bytes of the head of a request.',
      },
      '`--limit-request-header-size` and `--limit-request-line`; more is 431 or 414, where h11 answers 400',
      (bytes, to) => {
        const fitting = (greatest: number) => Math.max(MIN_HEADERS, Math.min(greatest, bytes))
        if (bytes < MIN_HEADERS || bytes > MAX_HEADERS)
          to.tell(`is ${fitting(MAX_HEADERS)} here: it may be from ${MIN_HEADERS} to ${MAX_HEADERS}`)
        to.set('limit-request-header-size', `${fitting(MAX_HEADERS)}`)
        to.set('limit-request-line', `${fitting(MAX_REQUEST_LINE)}`)
      },
    ),
    works(
      'headers',
      {
        flags: ['--header'],
        shape: list(),
        standard: '[]',
        doc: 'Header of every response, as NAME:VALUE; repeatable.',
      },
      '`--response-header`; the handshake of a WebSocket does not have it',
      (headers, to) => to.add('response-header', ...headers),
    ),
    ...pair(
      (flags, shape) =>
        works(
          'server_header',
          { flags, shape, standard: 'True', doc: 'Name the server in every response.' },
          '`--response-header server:uvicorn`, only if it is asked for: else no response names the server',
          (isOn, to) => {
            const own = to.valueOf<readonly string[]>('headers') ?? []
            if (isOn && !own.some(header => /^server\s*:/i.test(header))) to.add('response-header', 'server:uvicorn')
          },
        ),
      'server-header',
    ),
    ...pair(
      (flags, shape) =>
        works(
          'date_header',
          { flags, shape, standard: 'True', doc: 'Say the date in every response.' },
          'every response has a Date (RFC9110§6.6.1)',
          (isOn, to) => {
            if (!isOn) to.tell('does nothing: every response has a Date, as RFC9110§6.6.1 wants it')
          },
        ),
      'date-header',
    ),
    ...pair(
      (flags, shape) =>
        works(
          'proxy_headers',
          { flags, shape, standard: 'True', doc: 'Believe X-Forwarded-For and X-Forwarded-Proto of proxies.' },
          '`--trusted-proxies`; `--no-proxy-headers` is `none`',
          (isOn, to) => {
            if (!isOn) to.set('trusted-proxies', 'none')
          },
        ),
      'proxy-headers',
    ),
    works(
      'forwarded_allow_ips',
      {
        flags: ['--forwarded-allow-ips'],
        shape: text(),
        doc: 'Proxies that are believed, with commas; *: all; also $FORWARDED_ALLOW_IPS; else 127.0.0.1.',
      },
      '`--trusted-proxies`; a Unix socket is believed with `*` only, as there',
      (written, to) => {
        if (to.valueOf<boolean>('proxy_headers') === false) return to.tell('does nothing with --no-proxy-headers')
        to.set('trusted-proxies', ...trustedProxies(written, phrase => to.tell(phrase)))
      },
    ),
  ],
}

/** A name is no error there, and never matches. */
export function trustedProxies(written: string, tell: (phrase: string) => void): readonly string[] {
  const entries = written
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '')
  if (entries.includes('*')) return ['*']
  const addresses = entries.filter(isAddressOrRange)
  for (const entry of entries)
    if (!isAddressOrRange(entry))
      tell(`has ${entry}, which is no address and believes nobody: write * without quotes, or an address`)
  return addresses.length > 0 ? addresses : ['none']
}

const seconds = (value: number, to: Translation, setting: string) => to.set(setting, `${value}`)

export const WEBSOCKETS: Section = {
  title: 'WebSockets',
  options: [
    works(
      'ws',
      {
        flags: ['--ws'],
        shape: oneOfOrName('auto', 'none', 'websockets', 'websockets-sansio', 'wsproto'),
        standard: 'auto',
        doc: 'What speaks WebSocket: auto, none, websockets, websockets-sansio or wsproto.',
      },
      'not needed: the gateway speaks it; none: the application refuses handshakes by itself; a class of yours is not supported',
      (name, to) => {
        if (name.includes(':')) to.refuse(...PROTOCOL)
        else if (name === 'none')
          to.tell('does nothing: a WebSocket goes to the application, which refuses it with 403 if it knows none')
      },
    ),
    works(
      'ws_max_size',
      { flags: ['--ws-max-size'], shape: wholeNumber(1), standard: '16777216', doc: 'Longest message, in bytes.' },
      '`--ws-max-size`, up to 64 MiB',
      (bytes, to) => {
        if (bytes > MAX_MESSAGE) to.tell(`is ${MAX_MESSAGE} here, the longest: a message is in memory as a whole`)
        to.set('ws-max-size', `${Math.min(bytes, MAX_MESSAGE)}`)
      },
    ),
    idle(
      'ws_max_queue',
      {
        flags: ['--ws-max-queue'],
        shape: wholeNumber(),
        standard: '32',
        doc: 'Messages that wait for the application.',
      },
      'is not needed: while messages wait for the application, the client has to wait, and their bytes have a bound',
    ),
    works(
      'ws_ping_interval',
      {
        flags: ['--ws-ping-interval'],
        shape: decimalNumber(),
        standard: '20.0',
        doc: 'Seconds after which a client gets a ping.',
      },
      '`--ws-ping-interval`, of silence; 0: no pings',
      (value, to) => seconds(value, to, 'ws-ping-interval'),
    ),
    works(
      'ws_ping_timeout',
      {
        flags: ['--ws-ping-timeout'],
        shape: decimalNumber(),
        standard: '20.0',
        doc: 'Seconds in which it must answer.',
      },
      '`--ws-ping-timeout`',
      (value, to) => seconds(value, to, 'ws-ping-timeout'),
    ),
    works(
      'ws_per_message_deflate',
      {
        flags: ['--ws-per-message-deflate'],
        shape: boolean(),
        standard: 'True',
        doc: 'Compress messages: true or false.',
      },
      '`--ws-compression`',
      (isOn, to) => to.set('ws-compression', isOn ? 'on' : 'off'),
    ),
  ],
}
