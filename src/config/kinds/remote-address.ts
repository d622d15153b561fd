/** The address of another program's server: StatsD, syslog. Text to value; looks nothing up. Runs in the command line, and in the master. */
import type { Parsed } from '../diagnostics.ts'
import { isPlainIPv6 } from './ip.ts'
import { type Kind, type Resolve, text } from './kinds.ts'

export type RemoteAddress =
  | { readonly kind: 'udp' | 'tcp'; readonly host: string; readonly port: number }
  /** Absolute path. */
  | { readonly kind: 'unix'; readonly path: string }

/** Bytes of a Unix socket's name; macOS has four fewer. */
const MAX_PATH = 107

/** `schemes`: what may stand before the host; the first is meant without one. `port`: null: it must be given. `off` is null. */
export function remoteAddress(schemes: readonly ('udp' | 'tcp')[], port: number | null): Kind<RemoteAddress | null> {
  const [example] = schemes
  const hosts = schemes.length > 1 ? schemes.map(scheme => `${scheme}://HOST:PORT`) : ['HOST:PORT']
  const problem = `must be ${hosts.join(', ')}, unix:///PATH or off`
  const parse = (written: string): Parsed<RemoteAddress | null> => {
    if (written === 'off') return { value: null }
    if (written.startsWith('unix:')) {
      const path = pathOf(written)
      const isPossible = path !== '' && Buffer.byteLength(path) <= MAX_PATH && !path.includes('\0')
      return isPossible ? { value: { kind: 'unix', path } } : { problem: `must have a path after unix://` }
    }
    const [, scheme = example!, rest = ''] = /^(?:([a-z]{1,5}):\/\/)?(.*)$/s.exec(written) ?? []
    const kind = schemes.find(one => one === scheme)
    const found = /^(?:\[([\da-fA-F:.]{2,45})\]|([\w.-]{1,253}))(?::(\d{1,5}))?$/.exec(rest)
    const number = found?.[3] === undefined ? port : Number(found[3])
    if (kind === undefined || found === null || number === null || number < 1 || number > 65535) return { problem }
    const [, address, host = address!] = found
    if (address !== undefined && !isPlainIPv6(address)) return { problem: 'must have an IPv6 address in the brackets' }
    return { value: { kind, host, port: number } }
  }
  return text(`${hosts.map(host => `\`${host}\``).join(', ')}, \`unix:///PATH\`, or \`off\``, parse, {
    literals: ['false'],
    json: { anyOf: [{ type: 'string', minLength: 1 }, { const: false }] },
    absolute: (written: string, from: Resolve) =>
      written.startsWith('unix:') && pathOf(written) !== '' ? `unix://${from(pathOf(written))}` : written,
  })
}

function pathOf(written: string): string {
  return written.slice('unix:'.length).replace(/^\/\/(?=.)/s, '')
}
