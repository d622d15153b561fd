/**
 * `--check`: servers of upstreams that could not be reached by their names: names that do not resolve, Unix sockets that are not there. They may
 * come later, so they are warnings; nobody is connected to. Runs in the command line.
 */
import { lookup, resolveSrv } from 'node:dns/promises'
import type { Upstream } from '../sites/upstream-model.ts'
import { statOrNull } from './machine/files.ts'
import { formatPlace } from './sources/given.ts'

/** For all names together: a resolver that does not answer must not hold the check. */
const LOOKUP_MS = 5000

/** Sentences with their places. `resolve`: rejects for a name that has no address. */
export async function checkUpstreams(
  upstreams: readonly Upstream[],
  resolve: (host: string) => Promise<unknown> = host => lookup(host),
  resolveService: (name: string) => Promise<unknown> = name => resolveSrv(name),
): Promise<string[]> {
  const late = new Promise<string>(done => setTimeout(done, LOOKUP_MS, 'in time').unref())
  // The spawner of CGI programs is bound by the start.
  const others = upstreams.filter(({ protocol }) => protocol !== 'cgi')
  const all = others.flatMap(upstream =>
    upstream.servers.map(async ({ address, label }) => {
      const at = `${formatPlace(upstream.place.file, upstream.place)}: the server ${label}`
      if (address.kind === 'unix') return statOrNull(address.path) === null ? [`${at} is not there`] : []
      const asked = address.kind === 'srv' ? resolveService(address.name) : resolve(address.host)
      const failure = await Promise.race([asked.then(() => null, codeOf), late])
      return failure === null ? [] : [`${at} has a name that does not resolve now (${failure})`]
    }),
  )
  return (await Promise.all(all)).flat()
}

function codeOf({ code, message }: NodeJS.ErrnoException): string {
  return code ?? message
}
