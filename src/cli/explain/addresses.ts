/** The addresses that names of servers have now, for `jumak explain`. Runs in the command line: the only thing there that asks the network. */
import { lookup, resolveSrv } from 'node:dns/promises'
import type { UpstreamServer } from '../../sites/upstream-model.ts'

/** For all names together: a resolver that does not answer must not hold the answer. */
const LOOKUP_MS = 2000

/** By label, for servers that have a name: `10.0.0.1, 10.0.0.2`, or that it does not resolve. `resolve`: rejects for a name without address. */
export async function addressesOf(
  servers: readonly UpstreamServer[],
  resolve: (host: string) => Promise<readonly { readonly address: string }[]> = host => lookup(host, { all: true }),
  resolveService = serversOf,
): Promise<ReadonlyMap<string, string>> {
  const late = new Promise<string>(done => setTimeout(done, LOOKUP_MS, 'does not resolve in time').unref())
  const all = servers.flatMap(({ label, address }) => {
    if (address.kind === 'unix') return []
    const asked = address.kind === 'srv' ? resolveService(address.name) : resolve(address.host)
    const found = asked.then(
      addresses => addresses.map(one => one.address).join(', '),
      ({ code, message }: NodeJS.ErrnoException) => `does not resolve now: ${code ?? message}`,
    )
    return [
      Promise.race([found, late]).then(
        text => [label, address.kind === 'tcp' && text === address.host ? '' : text] as const,
      ),
    ]
  })
  return new Map((await Promise.all(all)).filter(([, text]) => text !== ''))
}

async function serversOf(name: string): Promise<readonly { readonly address: string }[]> {
  return (await resolveSrv(name)).map(({ name: host, port }) => ({ address: `${host}:${port}` }))
}
