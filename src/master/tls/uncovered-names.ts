/** Names of sites that no certificate has: browsers refuse them where the site speaks TLS. Runs in the master and in the command line (`--check`). Pure. */
import type { BindAddress, Config } from '../../config/types.ts'
import { listed } from './findings.ts'

/** In the order of the sites. With a certificate of our own (`self-signed`) nothing is told: it is for development. */
export function uncoveredNames(
  entries: readonly { readonly names: readonly string[] }[],
  { bind, sites, tls }: Pick<Config, 'bind' | 'sites' | 'tls'>,
): string[] {
  if (sites.sites.length === 0 || entries.length === 0 || tls.isSelfSigned) return []
  const names = new Set(entries.flatMap(entry => entry.names))
  const secure = bind.filter(({ scheme }) => scheme === undefined || scheme === 'https').map(listenName)
  const isCovered = (name: string) => names.has(name) || names.has(`*${name.slice(name.indexOf('.'))}`)
  return sites.sites.flatMap(({ names: own, listen, place }) => {
    if (secure.length === 0 || (listen.length > 0 && !listen.some(one => secure.includes(one)))) return []
    const missing = own.flatMap(name => {
      if (name.kind === 'exact') return name.name.includes('.') && !isCovered(name.name) ? [name.name] : []
      return name.kind === 'suffix' && !names.has(`*${name.name}`) ? [`*${name.name}`] : []
    })
    if (missing.length === 0) return []
    return [
      `${place.file}:${place.line}:${place.column}: no certificate has the name ${listed(missing)}: browsers refuse it`,
    ]
  })
}

/** As sites have it (`config/assemble-sites.ts`). */
function listenName(address: BindAddress): string {
  if (address.kind === 'unix') return address.path
  if (address.kind === 'fd') return `fd://${address.fd}`
  const { host, port } = address
  return `${host === '0.0.0.0' || host === '::' ? '*' : host.includes(':') ? `[${host}]` : host}:${port}`
}
