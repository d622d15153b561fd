/** Upstreams from a file: servers, what locations say, and each mistake with its place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, SHOP, told } from './testing/applications.ts'

test('groups, single servers, and what a location inherits', t => {
  const { config, warnings } = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = ["10.0.0.1:8000 weight=3 max_fails=2 fail-timeout=30s", "unix:run/x.sock backup", "[::1]:9000 down"]
balance = "hash $remote_addr consistent"
[[upstream]]
name = "unused"
servers = ["10.0.0.9:1"]
[[site]]
proxy-read-timeout = "5m"
proxy-set-headers = { X-A = "1" }
locations = [
  { match = "/a/", proxy = "http://back/v1/" },
  { match = "/b/", proxy = "http://127.0.0.1:9000", proxy-set-headers = { X-B = "$host" }, proxy-next-upstream = "off" },
  { match = "/c/", proxy = "http://other.test" },
  { match = "/d/", proxy = "http://unix:/run/y.sock:/x/" },
  { match = "/e/", proxy = "http://back", timeout = "5s", request-buffering = "off", limit-request-body = "5M" },
]
`,
  )
  const { upstreams, sites } = config.sites
  assert.deepEqual(
    upstreams.map(({ name }) => name),
    ['back', '127.0.0.1:9000', 'other.test:80', 'unix:/run/y.sock'],
  )
  const [first, second, third] = upstreams[0]!.servers
  assert.deepEqual([first!.weight, first!.maxFails, first!.failTimeout], [3, 2, 30_000])
  assert.ok(second!.isBackup && second!.address.kind === 'unix' && second!.address.path.startsWith('/'))
  assert.ok(third!.isDown)
  assert.equal(upstreams[0]!.balance, 'consistent-hash')
  assert.equal(upstreams[0]!.hashKey, '$remote_addr')
  const [a, b, , d] = sites[0]!.locations
  assert.deepEqual(a!.handler, {
    kind: 'proxy',
    upstream: 'back',
    destination: null,
    isTls: false,
    uri: '/v1/',
    prefix: '/a/',
  })
  assert.deepEqual(d!.handler, {
    kind: 'proxy',
    upstream: 'unix:/run/y.sock',
    destination: null,
    isTls: false,
    uri: '/x/',
    prefix: '/d/',
  })
  assert.equal(a!.settings.proxy.readTimeout, 300_000)
  assert.deepEqual(a!.settings.proxy.nextUpstream, ['error', 'timeout'])
  assert.deepEqual(a!.settings.proxy.setHeaders, [{ name: 'X-A', value: '1' }])
  assert.deepEqual(b!.settings.proxy.setHeaders, [{ name: 'X-B', value: '$host' }])
  assert.deepEqual(b!.settings.proxy.nextUpstream, [])
  const warned = warnings.join('\n')
  assert.match(warned, /jumak\.toml:\d+:3: the upstream unused gets no request/)
  assert.match(warned, /: timeout does nothing in a location without app\b/)
  assert.match(warned, /: request-buffering does nothing in a location without app\b/)
  assert.doesNotMatch(warned, /limit-request-body/)
})

test('each mistake is told where it stands', t => {
  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    [
      '',
      'proxy = "http://$host/"',
      /proxy takes its server from the request, which would make an open proxy: .* in proxy-allow-hosts/,
    ],
    [
      '',
      'proxy = "https://a.test", proxy-ssl-trusted-certificate = "none.pem"',
      /proxy-ssl-trusted-certificate names \S+none\.pem, which cannot be read: ENOENT/,
    ],
    [
      '',
      'proxy = "https://a.test", proxy-ssl-trusted-certificate = "app.py"',
      /names \S+app\.py, which has no certificate \(PEM\)/,
    ],
    ['', 'proxy = "https://a.test", proxy-ssl-certificate-key = "app.py"', /needs proxy-ssl-certificate beside it/],
    ['', 'proxy = "https://a.test", proxy-ssl-protocols = "TLSv1"', /proxy-ssl-protocols must be/],
    ['', 'proxy = "grpc://a.test"', /HTTP\/2 and gRPC to upstreams are not spoken/],
    ['', 'proxy = "127.0.0.1:9000"', /proxy must be http:\/\/127\.0\.0\.1:9000/],
    ['', 'proxy = "http://a.test:0"', /port from 1 to 65535/],
    ['', 'match = "~ x", proxy = "http://a.test/x"', /proxy must have no path here/],
    ['', 'proxy = "http://a$host"', /would make an open proxy/],
    ['', 'proxy = "http://$host", proxy-allow-hosts = ["*:80"]', /all servers together would be an open proxy/],
    [
      '',
      'proxy = "http://$host", proxy-allow-hosts = ["a.test"]',
      /must have a port behind a\.test, as in a\.test:8000/,
    ],
    ['', 'proxy = "http://$nope", proxy-allow-hosts = ["a.test:80"]', /names the variable \$nope/],
    ['', 'proxy = "http://a.test/$nope"', /names the variable \$nope, which nothing defines/],
    ['', 'proxy = "http://a.test", app = "shop"', /one of app, proxy, fastcgi, scgi, uwsgi, cgi, root/],
    [
      '',
      'proxy = "http://a.test", proxy-set-headers = { Connection = "x" }',
      /must not have Connection: it belongs to one connection/,
    ],
    ['', 'proxy = "http://a.test", proxy-next-upstream = ["off", "error"]', /must be off alone/],
    ['', 'proxy = "http://a.test", proxy-redirect = "/x/"', /proxy-redirect must have two words/],
    ['', 'proxy = "http://a.test", proxy-redirect = ["off", "/a /b"]', /proxy-redirect must be off alone/],
    ['', 'proxy = "http://a.test", proxy-cookie-path = "~( /"', /the regular expression '\('/],
    ['', 'proxy = "http://a.test", proxy-cookie-domain = "a $nope"', /names the variable \$nope/],
    ['', 'proxy = "http://a.test", proxy-ignore-headers = "Server"', /must be one of x-accel-redirect/],
    ['name = "b"', '', /an upstream needs servers/],
    ['servers = ["a:1"]', '', /an upstream needs name/],
    ['name = "b"\nservers = ["srv:api.test"]', '', /the name of a service behind srv:, as in srv:_http\._tcp\.api/],
    ['name = "b"\nservers = ["srv:_http._tcp.api.test weight=2"]', '', /no weight= beside srv:/],
    ['name = "b"\nservers = ["api.test service=http resolve"]', '', /as in srv:_http\._tcp\.api/],
    ['name = "b"\nservers = ["a:1 wieght=2"]', '', /not 'wieght=2'/],
    ['name = "b"\nservers = ["a:1 weight=0"]', '', /whole number from 1 to 65535 as weight/],
    ['name = "b"\nservers = ["a:1 backup"]', '', /neither backup nor down/],
    ['name = "b"\nservers = ["a:1", "a:1"]', '', /has a:1 twice/],
    ['name = "b"\nservers = ["a:1"]\nbalance = "best"', '', /balance must be round-robin/],
  ]
  for (const [upstream, location, expected] of mistakes) {
    const match = location.startsWith('match') ? '' : 'match = "/x/", '
    const toml = `${upstream === '' ? '' : `[[upstream]]\n${upstream}\n`}[[site]]\n${location === '' ? '' : `locations = [{ ${match}${location} }]\n`}`
    const problems = told(t, `${SHOP}${toml}`).join('\n')
    assert.match(problems, expected, toml)
    assert.match(problems, /jumak\.toml:\d+:\d+/, toml)
  }
})

test('requests choose among the servers of proxy-allow-hosts, which may be upstreams, with a path of their own in any location', t => {
  const { config, warnings } = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = ["10.0.0.1:8000"]
[[site]]
proxy-allow-hosts = ["back", "*.Internal.test.:8000-8009"]
locations = [
  { match = "~ ^/(a|b)/", proxy = "https://$1.internal.test:8001$request_uri" },
  { match = "/c/", proxy = "http://back", proxy-allow-hosts = ["10.0.0.1:80"] },
]
`,
  )
  const [of, group] = config.sites.upstreams.toReversed()
  assert.deepEqual([of!.name, of!.servers.length, group!.name], ['https://$1.internal.test:8001', 0, 'back'])
  const [a] = config.sites.sites[0]!.locations
  assert.ok(a!.handler.kind === 'proxy')
  assert.deepEqual([a!.handler.destination, a!.handler.uri], ['$1.internal.test:8001', '$request_uri'])
  assert.deepEqual(a!.settings.proxy.allowHosts, [
    { kind: 'upstream', name: 'back' },
    { kind: 'suffix', name: 'internal.test', least: 8000, most: 8009 },
  ])
  assert.match(warnings.join(), /proxy-allow-hosts does nothing beside a proxy that names its server itself/)
})

test('few open files for upstreams are told, and only where a location passes requests on', t => {
  const limits = 'Max open files            512                 512                 files\n'
  const given = { files: { 'proc/self/limits': limits } }
  const site = (location: string) => `${SHOP}[[site]]\nlocations = [{ match = "/", ${location} }]\n`
  assert.match(loaded(t, site('proxy = "http://a.test"'), given).warnings.join('\n'), /\d+ connections to upstreams/)
  assert.doesNotMatch(loaded(t, site('app = "shop"'), given).warnings.join('\n'), /connections to upstreams/)
})

test('in a location with a regular expression the path of proxy is one with variables, which is all that is sent', t => {
  const { config } = loaded(
    t,
    `${SHOP}[[site]]\nlocations = [{ match = "~ ^/monitor/(.*)", proxy = "http://a.test/$1$is_args$args" }]\n`,
  )
  const [location] = config.sites.sites[0]!.locations
  assert.ok(location!.handler.kind === 'proxy' && location!.handler.uri === '/$1$is_args$args')
})

test('a health check asks as locations do: by TLS with the settings of the first, and no servers of FastCGI', t => {
  const { config, warnings } = loaded(
    t,
    `${SHOP}[[upstream]]
name = "back"
servers = "127.0.0.1:9000"
health-check = "/up"
[[upstream]]
name = "php"
servers = "127.0.0.1:9001"
health-check = "/up"
[[site]]
locations = [
  { match = "/a/", proxy = "https://127.0.0.1:9002" },
  { match = "/b/", proxy = "https://back", proxy-ssl-name = "back.test" },
  { match = "/c/", proxy = "https://back" },
  { match = "/d/", proxy = "http://back" },
  { match = "/e/", fastcgi = "php" },
]
`,
  )
  const { upstreams, upstreamTls } = config.sites
  const check = upstreams.find(({ name }) => name === 'back')!.healthCheck!
  assert.equal(upstreamTls[check.tls!]!.name, 'back.test')
  const warned = warnings.join('\n')
  assert.match(warned, /jumak\.toml:\d+:3: the upstream back is named by http:\/\/ and by https:\/\/: .* asks by TLS/)
  assert.match(warned, /fastcgi names php, whose health-check speaks HTTP: servers are not asked by fastcgi/)
})

test('outlier ejection that could eject nobody is told', t => {
  const file = (servers: string) => `${SHOP}[[upstream]]
name = "back"
servers = [${servers}]
outlier-ejection = "on"
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`
  const warned = (servers: string) => loaded(t, file(servers)).warnings.join('\n')
  assert.match(warned('"127.0.0.1:9000"'), /outlier-ejection ejects nobody: 50 % of one server is none/)
  assert.doesNotMatch(warned('"back.test:9000"'), /ejects nobody/)
  assert.doesNotMatch(warned('"127.0.0.1:9000", "127.0.0.1:9001"'), /ejects nobody/)
})
