/**
 * `npm run test:proxy -- [COUNT] [SEED]`: locations with `proxy` at random, for a real nginx and for Jumak, to one and the same servers: what
 * reaches them, and what clients get, must be the same. `-- one INDEX SEED` shows one in both notations, `-- broken`
 * asks servers that break HTTP, `-- scripts` compares FastCGI, SCGI and uwsgi.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NGINX } from '../../bench/nginx.ts'
import { runJumak, runNginx } from '../sites/compare.ts'
import { freePort } from '../support/free-port.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { startEcho } from '../support/upstreams.ts'
import { compareBroken } from './broken.ts'
import { generate } from './generate.ts'
import { compareScripts } from './scripts.ts'

const [first = '100', ...rest] = process.argv.slice(2)
if (first === 'broken') process.exit((await compareBroken()) > 0 ? 1 : 0)
if (first === 'scripts') process.exit((await compareScripts(rest)) > 0 ? 1 : 0)
const isOne = first === 'one'
const seed = Number(isOne ? rest[1] : (rest[0] ?? '1'))
const cases = isOne
  ? [generate(seed, Number(rest[0]))]
  : Array.from({ length: Number(first) }, (_, index) => generate(seed, index))

const ANSWERS: Readonly<Record<string, readonly [number, Readonly<Record<string, string | string[]>>]>> = {
  location: [302, { Location: 'http://back/v1/next?x=1' }],
  'location-other': [301, { Location: 'http://other.test/v1/next' }],
  refresh: [200, { Refresh: '5; url=http://other.test/x' }],
  cookies: [200, { 'Set-Cookie': ['a=1; Path=/v1/x; Secure', 'b=2; Domain=.back.test; HttpOnly', 'c=3'] }],
  fields: [200, { 'X-Powered-By': 'p', 'X-Pad': 'x', Server: 's', Vary: 'Cookie' }],
  accel: [200, { 'X-Accel-Redirect': '/page', 'X-Other': '1' }],
  gone: [404, { 'X-Own': '1' }],
  busy: [503, { 'Retry-After': '3' }],
}
const servers = await Promise.all(
  ['one', 'two'].map(() =>
    startEcho('echo', (request, response) => {
      const answer = ANSWERS[/answer-([\w-]+)/.exec(request.url!)?.[1] ?? '']
      if (answer === undefined) return false
      response.writeHead(answer[0], answer[1])
      response.end('its answer')
      return true
    }),
  ),
)
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'proxy-')))
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
for (const name of temporary) mkdirSync(join(directory, name))
const [nginxPort, jumakPort] = [await freePort(), await freePort()]
const file = join(directory, 'nginx.conf')
writeFileSync(
  file,
  `daemon off; master_process off; error_log stderr crit; pid ${directory}/nginx.pid; events {}
http { access_log off; absolute_redirect off; ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
upstream back { ${servers.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} keepalive 8; }
server { listen 127.0.0.1:${nginxPort}; proxy_http_version 1.1; location = /page { default_type text/plain; charset utf-8; return 200 page; }
${cases.map(({ nginx }) => nginx).join('\n')} } }`,
)
writeFileSync(
  join(directory, 'jumak.toml'),
  `bind = "127.0.0.1:${jumakPort}"\ntrusted-proxies = "192.0.2.1"\n[[upstream]]\nname = "back"\nservers = [${servers.map(({ port }) => `"127.0.0.1:${port} max-fails=0"`).join(', ')}]\n[[site]]\nlocations = [
{ match = "= /page", return = "200 page" },\n${cases.map(({ jumak }) => jumak).join(',\n')}\n]\n`,
)
if (isOne) console.log(`${cases[0]!.nginx}\n${cases[0]!.jumak}`)
const nginx = await runNginx(NGINX, file, nginxPort)
const jumak = await runJumak(directory)

/** What one of the two adds or spells in its own way; each has its reason in the README. */
const NOT_COMPARED = /^(?:x-real-ip|x-forwarded-|x-request-id|cdn-loop|content-length: 0$)/
const OF_SERVER = /^(?:server|date|connection|content-length|transfer-encoding|keep-alive)$/

function seen({ status, headers, body }: RawResponse): string {
  const fields = headers
    .filter(([name]) => !OF_SERVER.test(name))
    .map(([name, value]) => `${name}: ${name === 'set-cookie' ? value.replace(/;\s*/g, '; ') : value}`)
  const text = body.toString()
  if (!text.startsWith('{')) return [String(status), ...fields.sort(), text].join('\n')
  const { method, url, headers: sent } = JSON.parse(text) as { method: string; url: string; headers: string[] }
  const lines = sent.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${sent[i + 1]}`] : []))
  return [`${method} ${url}`, ...lines.filter(line => !NOT_COMPARED.test(line)).sort()].join('\n')
}

let [asked, different] = [0, 0]
const ask = (port: number, method: string, target: string) =>
  withClient(port, client =>
    client
      .send(
        `${method} ${target} HTTP/1.1\r\nHost: shop.test\r\nCookie: a=1\r\nX-Twice: 1\r\nX-Twice: 2\r\n${method === 'POST' ? 'Content-Length: 2\r\n\r\nhi' : '\r\n'}`,
      )
      .response(method),
  )
for (const { targets, nginx: text } of cases)
  for (const target of targets) {
    const method = ++asked % 3 === 0 ? 'POST' : 'GET'
    const answers = await Promise.all([ask(nginxPort, method, target), ask(jumakPort, method, target)])
    const [theirs, ours] = [seen(answers[0]), seen(answers[1])]
    // A byte of a variable that no target has: nginx sends it as it is, and the server refuses what is no HTTP.
    if (theirs === ours || (theirs === '400\n' && /^(?:GET|POST) \S+%/.test(ours))) continue
    if (++different <= 20) console.log(`${method} ${target}\n  ${text}\n--- nginx\n${theirs}\n--- jumak\n${ours}\n`)
  }
nginx.kill()
await Promise.all([jumak.stop(), once(nginx, 'close'), ...servers.map(one => one.close())])
rmSync(directory, { recursive: true, force: true })
console.log(`seed ${seed}: ${cases.length} locations, ${asked} requests, ${different} differences`)
process.exitCode = different > 0 ? 1 : 0
