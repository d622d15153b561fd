/** gunicorn's section "Server Socket". Pure. */
import { MAX_QUEUE } from '../../config/settings/queue.ts'
import { type Section, works } from '../option.ts'
import { list, wholeNumber } from '../shapes.ts'
import type { Translation } from '../translation.ts'
import { clamped } from './limits.ts'

export const STANDARD_ADDRESS = '127.0.0.1:8000'

export const SOCKETS: Section = {
  title: 'Server Socket',
  options: [
    works(
      'bind',
      {
        flags: ['-b', '--bind'],
        shape: list(),
        standard: STANDARD_ADDRESS,
        doc: 'Address: HOST, HOST:PORT, :PORT, [IPv6]:PORT, unix:PATH or fd://N; repeatable; also $PORT.',
      },
      '`--bind`',
      (addresses, to) => {
        const ours = addresses.map(address => toBind(address, to)).filter(address => address !== null)
        if (ours.length === addresses.length && ours.length > 0) to.set('bind', ...ours)
      },
    ),
    works(
      'backlog',
      {
        flags: ['--backlog'],
        shape: wholeNumber(),
        standard: '2048',
        doc: 'Most connections that wait.',
      },
      '`--queue-limit`: requests that wait for a worker; one more gets 503',
      (count, to) => to.set('queue-limit', clamped(count, 1, MAX_QUEUE, to)),
    ),
  ],
}

/** As ours is written: without a port it is 8000. Null: it is wrong, which was told. */
export function toBind(written: string, to: Pick<Translation, 'path' | 'reject'>): string | null {
  const address = written.trim().replace(/^tcp:\/\//, '')
  const path = /^unix:(?:\/\/)?(.*)$/s.exec(address)?.[1]
  if (path !== undefined) return path === '' ? 'unix:' : `unix:${to.path(path)}`
  if (address.startsWith('fd://')) return address
  if (/^\d+$/.test(address)) {
    to.reject(`must have a colon before a port alone, as in :${address}, which is for all addresses, not '${written}'`)
    return null
  }
  if (address === '') return '0.0.0.0:8000'
  if (address.startsWith('[')) return address.includes(']:') ? address : `${address}:8000`
  return address.includes(':') ? address.toLowerCase() : `${address.toLowerCase()}:8000`
}
