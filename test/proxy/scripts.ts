/**
 * `npm run test:proxy -- scripts [COUNT] [SEED]`: locations with `fastcgi`, `scgi` and `uwsgi` at random, for a real nginx and for Jumak, to the same
 * servers: which variables reach them, and what clients get, must be the same. `-- scripts one INDEX SEED` shows one in both notations.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NGINX } from '../../bench/nginx.ts'
import { runJumak, runNginx } from '../sites/compare.ts'
import { freePort } from '../support/free-port.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { generateScript, TOLD } from './generate-scripts.ts'
import { type Protocol, startScriptServer } from './script-server.ts'

const PROTOCOLS: readonly Protocol[] = ['fastcgi', 'scgi', 'uwsgi']

/** Returns the number of differences. `rest`: what stands behind `scripts` on the command line. */
export async function compareScripts([first = '100', ...rest]: readonly string[]): Promise<number> {
  const isOne = first === 'one'
  const seed = Number(isOne ? rest[1] : (rest[0] ?? '1'))
  const cases = isOne
    ? [generateScript(seed, Number(rest[0]))]
    : Array.from({ length: Number(first) }, (_, index) => generateScript(seed, index))
  const answer = (target: string) => TOLD[/answer-([\w-]+)/.exec(target)?.[1] ?? ''] ?? null
  const servers = await Promise.all(
    [...PROTOCOLS, ...PROTOCOLS].map(async protocol => ({ protocol, ...(await startScriptServer(protocol, answer)) })),
  )
  const portsOf = (protocol: Protocol) => servers.filter(one => one.protocol === protocol).map(({ port }) => port)
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'scripts-')))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(directory, name))
  const [nginxPort, jumakPort] = [await freePort(), await freePort()]
  const file = join(directory, 'nginx.conf')
  const groups = PROTOCOLS.map(
    protocol =>
      `upstream ${protocol}_back { ${portsOf(protocol)
        .map(port => `server 127.0.0.1:${port} max_fails=0;`)
        .join(' ')} }`,
  )
  writeFileSync(
    file,
    `daemon off; master_process off; error_log stderr emerg; pid ${directory}/nginx.pid; events {}
http { access_log off; absolute_redirect off; ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
${groups.join('\n')}
server { listen 127.0.0.1:${nginxPort}; root /srv/shop; location = /page { default_type text/plain; charset utf-8; return 200 page; }
${cases.map(({ nginx }) => nginx).join('\n')} } }`,
  )
  const upstreams = PROTOCOLS.map(
    protocol =>
      `[[upstream]]\nname = "${protocol}_back"\nservers = [${portsOf(protocol)
        .map(port => `"127.0.0.1:${port} max-fails=0"`)
        .join(', ')}]`,
  )
  writeFileSync(
    join(directory, 'jumak.toml'),
    `bind = "127.0.0.1:${jumakPort}"\n${upstreams.join('\n')}\n[[site]]\nnames = ["shop.test"]\nroot = "/srv/shop"\nlocations = [
{ match = "= /page", return = "200 page" },\n${cases.map(({ jumak }) => jumak).join(',\n')}\n]\n`,
  )
  if (isOne) console.log(`${cases[0]!.nginx}\n${cases[0]!.jumak}`)
  const nginx = await runNginx(NGINX, file, nginxPort)
  const jumak = await runJumak(directory)
  let [asked, different] = [0, 0]
  for (const { protocol, targets, nginx: text } of cases)
    for (const target of targets) {
      const kind = KINDS[++asked % KINDS.length]!
      const [theirs, ours] = await Promise.all([
        ask(nginxPort, kind, target).then(response => seen(response, protocol)),
        ask(jumakPort, kind, target).then(response => seen(response, protocol)),
      ])
      if (theirs === ours) continue
      if (++different > 20) continue
      const only = (one: string, other: string) => one.split('\n').filter(line => !other.split('\n').includes(line))
      console.log(`${kind} ${target}\n  ${text}`)
      console.log(`--- nginx\n${only(theirs, ours).join('\n')}\n--- jumak\n${only(ours, theirs).join('\n')}\n`)
    }
  nginx.kill()
  await Promise.all([jumak.stop(), once(nginx, 'close'), ...servers.map(one => one.close())])
  rmSync(directory, { recursive: true, force: true })
  console.log(`seed ${seed}: ${cases.length} locations of scripts, ${asked} requests, ${different} differences`)
  return different
}

/** Requests, in turn. */
const KINDS = ['GET', 'POST', 'GET', 'HEAD', 'POST in chunks'] as const

function ask(port: number, kind: (typeof KINDS)[number], target: string): Promise<RawResponse> {
  const method = kind.split(' ')[0]!
  const content =
    kind === 'POST'
      ? 'Content-Type: text/x\r\nContent-Length: 2\r\n\r\nhi'
      : kind === 'POST in chunks'
        ? 'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'
        : '\r\n'
  return withClient(port, client =>
    client
      .send(
        `${method} ${target} HTTP/1.1\r\nHost: shop.test\r\nCookie: a=1\r\nProxy: http://evil.test\r\nX_Under: 1\r\nX-Twice: 1\r\nX-Twice: 2\r\n${content}`,
      )
      .response(method),
  )
}

/** What one of the two adds or spells in its own way; each has its reason in the README. */
const NOT_COMPARED =
  /^(?:HTTP_(?:X_REQUEST_ID|PROXY|HOST|CONTENT_LENGTH|CONTENT_TYPE|TRANSFER_ENCODING)|REMOTE_PORT|PATH_TRANSLATED|SERVER_PORT|SERVER_SOFTWARE)=|^CONTENT_LENGTH=0$/
const OF_SERVER = /^(?:server|status|date|connection|content-length|transfer-encoding|keep-alive)$/

function seen({ status, headers, body }: RawResponse, protocol: Protocol): string {
  const fields = headers.filter(([name]) => !OF_SERVER.test(name)).map(([name, value]) => `${name}: ${value}`)
  const text = body.toString()
  if (status === 502) return '502'
  if (!text.startsWith('{')) return [String(status), ...fields.sort(), text].join('\n')
  const { variables, content } = JSON.parse(text) as { variables: [string, string][]; content: string }
  const joined = new Map<string, string>()
  for (const [name, value] of variables) joined.set(name, joined.has(name) ? `${joined.get(name)},${value}` : value)
  const lines = [...joined].map(([name, value]) => `${name}=${value}`).filter(line => !NOT_COMPARED.test(line))
  return [protocol, ...fields.sort(), ...lines.sort(), content].join('\n')
}
