/** gunicorn's section "HTTP/2". Pure. */
import { MAX_FRAME, MAX_STREAMS, MIN_FRAME } from '../../config/settings/http2.ts'
import { MAX_HEADERS, MIN_HEADERS } from '../../config/settings/requests.ts'
import { idle, type Section, works } from '../option.ts'
import { list, oneOf, wholeNumber } from '../shapes.ts'
import { clamped } from './limits.ts'

export const HTTP2: Section = {
  title: 'HTTP/2',
  options: [
    works(
      'http_protocols',
      {
        flags: ['--http-protocols'],
        shape: list(','),
        standard: 'h1',
        doc: 'Versions of HTTP, the preferred first: h1, h2.',
      },
      '`--http2`; HTTP/1.1 is always spoken',
      (versions, to) => {
        const unknown = versions.find(version => !['h1', 'h2', 'h3'].includes(version))
        if (unknown !== undefined) to.reject(`must be h1 and h2, with commas between them, not '${unknown}'`)
        else to.set('http2', versions.includes('h2') ? 'on' : 'off')
        if (versions.includes('h3')) to.refuse('would speak HTTP/3', 'leave h3 out')
      },
    ),
    works(
      'http2_cleartext',
      {
        flags: ['--http2-cleartext'],
        shape: oneOf('off', 'prior-knowledge', 'upgrade', 'both'),
        standard: 'off',
        doc: 'HTTP/2 without TLS: off, prior-knowledge, upgrade or both.',
      },
      '`--http2 on`: a client without TLS may begin with HTTP/2 (prior knowledge)',
      (how, to) => {
        if (how === 'upgrade' || how === 'both')
          to.refuse(
            'would speak HTTP/2 after Upgrade: h2c',
            'write prior-knowledge: RFC9113§3.1 has no Upgrade any more',
          )
        else if (how === 'prior-knowledge') to.set('http2', 'on')
      },
    ),
    works(
      'http2_max_concurrent_streams',
      {
        flags: ['--http2-max-concurrent-streams'],
        shape: wholeNumber(),
        standard: '100',
        doc: 'Requests at a time on one connection of HTTP/2.',
      },
      '`--limit-streams`, at most 1000',
      (count, to) => to.set('limit-streams', clamped(count, 1, MAX_STREAMS, to)),
    ),
    idle(
      'http2_initial_window_size',
      {
        flags: ['--http2-initial-window-size'],
        shape: wholeNumber(),
        standard: '65535',
        doc: 'Bytes that a client of HTTP/2 may send before it hears more.',
      },
      'is not needed: windows grow with what the application takes',
    ),
    works(
      'http2_max_frame_size',
      {
        flags: ['--http2-max-frame-size'],
        shape: wholeNumber(MIN_FRAME),
        standard: '16384',
        doc: 'Largest frame of HTTP/2, in bytes.',
      },
      '`--limit-frame-size`, at most 1M',
      (bytes, to) => to.set('limit-frame-size', clamped(bytes, MIN_FRAME, MAX_FRAME, to)),
    ),
    works(
      'http2_max_header_list_size',
      {
        flags: ['--http2-max-header-list-size'],
        shape: wholeNumber(),
        standard: '65536',
        doc: 'All header fields of a request of HTTP/2 together, in bytes.',
      },
      '`--limit-request-header-size`, which is for HTTP/1.1 too',
      (bytes, to) => {
        if (!to.isGiven('limit_request_field_size'))
          to.set('limit-request-header-size', clamped(bytes, MIN_HEADERS, MAX_HEADERS, to))
      },
    ),
  ],
}
