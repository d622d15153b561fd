/** gunicorn's section "Security": how large the head of a request may be. Pure. */
import {
  MAX_FIELDS,
  MAX_HEADERS,
  MAX_REQUEST_LINE,
  MIN_HEADERS,
  MIN_REQUEST_LINE,
} from '../../config/settings/requests.ts'
import { type Section, works } from '../option.ts'
import { wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'

/** gunicorn takes no longer line, whatever it is told, unless it is told 0. */
const LONGEST_LINE_THERE = 8190
const FIELD_THERE = 8190
const FIELDS_THERE = 100

/** As text. What does not fit is told. */
export function clamped(value: number, minimum: number, maximum: number, to: Translation): string {
  const fitting = Math.max(minimum, Math.min(maximum, value))
  if (fitting !== value) to.tell(`is ${fitting} here, not ${value}: it may be from ${minimum} to ${maximum}`)
  return `${fitting}`
}

export const SECURITY: Section = {
  title: 'Security',
  options: [
    works(
      'limit_request_line',
      {
        flags: ['--limit-request-line'],
        shape: wholeNumber(),
        standard: '4094',
        doc: 'Longest first line of a request, in bytes; 0: no limit.',
      },
      '`--limit-request-line`; 0 is 128 KiB, the longest; a longer line gets 414, not 400',
      (bytes, to) => {
        if (bytes === 0) to.set('limit-request-line', `${MAX_REQUEST_LINE}`)
        else
          to.set(
            'limit-request-line',
            clamped(Math.min(bytes, LONGEST_LINE_THERE), MIN_REQUEST_LINE, MAX_REQUEST_LINE, to),
          )
      },
    ),
    works(
      'limit_request_fields',
      {
        flags: ['--limit-request-fields'],
        shape: wholeNumber(),
        standard: '100',
        doc: 'Most header fields of a request.',
      },
      '`--limit-request-fields`',
      (count, to) => to.set('limit-request-fields', `${count === 0 ? MAX_FIELDS : Math.min(count, MAX_FIELDS)}`),
    ),
    works(
      'limit_request_field_size',
      {
        // As gunicorn spells it.
        flags: ['--limit-request-field_size'],
        shape: wholeNumber(),
        standard: '8190',
        doc: 'Longest header field of a request, in bytes.',
      },
      '`--limit-request-header-size`: not each field, but all together may have as many bytes as there, at most 256 KiB',
      (bytes, to) => {
        const fields = to.valueOf<number>('limit_request_fields') || FIELDS_THERE
        const all = Math.max(MIN_HEADERS, Math.min(MAX_HEADERS, (bytes || FIELD_THERE) * fields))
        to.set('limit-request-header-size', `${all}`)
        to.tell(`is for all header fields together here: ${all} bytes`)
      },
    ),
  ],
}
