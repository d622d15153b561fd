/** What is told of sites when they are loaded, with its place: mistakes, and what is right and may not be meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, SHOP, told } from './testing/applications.ts'

/** Warnings; a directory of the test is `…`. */
function warnings(t: Parameters<typeof loaded>[0], toml: string): string[] {
  return loaded(t, `${SHOP}${toml}`).warnings.map(one => one.replace(/ \/[^ ]*\/,/, ' …/,'))
}

test('names that two sites have, sites that nobody reaches, applications that nobody uses', t => {
  const found = warnings(
    t,
    `[[app]]
name = "api"
app = "api.main"
[[site]]
names = ["a.test", ".b.test"]
app = "api"
[[site]]
names = ["*.b.test", "c.test"]
default = true
return = 404
[[site]]
default = true
return = 404
[[site]]
return = 404
`,
  )
  assert.deepEqual(
    found.map(one => one.replace(/^jumak\.toml:\d+:\d+: /, '').replace(/jumak\.toml:\d+:\d+/g, 'PLACE')),
    [
      'the site at PLACE has the name *.b.test already: that one gets its requests',
      'default does nothing: the site at PLACE is the default already',
      'no request comes to this site: it has no names, and another one is the default',
      'no request comes to this site: it has no names, and another one is the default',
      'the application shop gets no request: no site has app = "shop"',
    ],
  )
  assert.ok(
    found.every(one => /^jumak\.toml:\d+:\d+: /.test(one)),
    found.join('\n'),
  )
})

test('sites of different addresses may have the same names', t => {
  const words = ['--bind=:8000', '--bind=:8001']
  const site = (port: number) => `[[site]]\nnames = ["a.test"]\nlisten = [":${port}"]\napp = "shop"\n`
  assert.deepEqual(loaded(t, `${SHOP}${site(8000)}${site(8001)}`, { words }).warnings, [])
})

test('locations that nothing reaches, settings that do nothing, directories that are not there', t => {
  const found = warnings(
    t,
    `[[site]]
app = "shop"
locations = [
  { match = "~* \\\\.png$", root = "." },
  { match = "~ \\\\.png$", root = "." },
  { match = "/m/", alias = "nowhere/" },
  { match = "/v/", root = "/srv/$host" },
  { match = "/a/", app = "shop", index = "x.html", limit-request-body = 5 },
  { match = "/b/", root = ".", limit-request-body = 5, port-in-redirect = false },
  { match = "@n", internal = true, return = 404 },
]
`,
  )
  for (const expected of [
    /^jumak\.toml:\d+:\d+: no request comes to ~ \\\.png\$: the location at jumak\.toml:\d+:\d+ matches before it$/,
    /^jumak\.toml:\d+:\d+: alias names …\/, which is not there, or may not be looked at$/,
    /^jumak\.toml:\d+:\d+: index does nothing in a location without files$/,
    /^jumak\.toml:\d+:\d+: limit-request-body does nothing in a location without app, proxy, fastcgi, scgi, uwsgi or cgi$/,
    /^jumak\.toml:\d+:\d+: port-in-redirect does nothing without absolute-redirect$/,
    /^jumak\.toml:\d+:\d+: internal does nothing here: only the program itself comes to a named location$/,
  ])
    assert.equal(found.filter(one => expected.test(one)).length, 1, `${expected}\n${found.join('\n')}`)
  assert.equal(found.length, 6, found.join('\n'))
})

test('an error page that leads to nothing', t => {
  const site = (more: string) =>
    `[[site]]\nerror-page = ["404 /errors/404.html"]\nlocations = [{ match = "/shop/", app = "shop" }${more}]\n`
  const [found, ...more] = warnings(t, site(''))
  assert.match(found!, /^jumak\.toml:\d+:\d+: error-page 404 leads to \/errors\/404\.html, and no location has/)
  assert.deepEqual(more, [])
  assert.deepEqual(warnings(t, site(', { match = "/errors/", root = "." }')), [])
  assert.deepEqual(warnings(t, site(', { match = "~ html", root = "." }')), [])
})

test('what can never be right is refused', t => {
  const problems = told(
    t,
    `${SHOP}[[site]]
root = "."
locations = [
  { match = "/a/", try-files = ["$uri", "index.html"] },
  { match = "/b/", try-files = ["index.html", "=404"] },
]
`,
  )
  assert.match(problems.join('\n'), /try-files must begin with a slash, as in '\/index\.html', or be @name/)
  assert.equal(problems.length, 2, problems.join('\n'))
  const nested = told(
    t,
    `${SHOP}
[[site]]
root = "."
locations = [
  { match = "/a/", locations = [{ match = "/b/", root = "." }, { match = "/a/c", root = "." }] },
  { match = "= /x", locations = [{ match = "/x", root = "." }] },
]
`,
  )
  assert.match(nested.join('\n'), /\/b\/ can never match within \/a\/: its path must begin with \/a\//)
  assert.match(nested.join('\n'), /\/x can never match within = \/x, which is for one path/)
  assert.equal(nested.length, 2, nested.join('\n'))
})

test('two applications without paths of their own are right beside sites', t => {
  const two = `${SHOP}[[app]]\nname = "api"\napp = "api.main"\n[[site]]\nnames = ["a.test"]\napp = "shop"\n[[site]]\nnames = ["b.test"]\napp = "api"\n`
  assert.deepEqual(loaded(t, two).warnings, [])
})

test('a key of a map may have an equals sign', t => {
  const { config } = loaded(
    t,
    `${SHOP}
[[map]]
name = "$kind"
from = "$args"
values = { "a=b" = "c=d", "~^x=(.*)$" = "$1", default = "=" }
[[site]]
app = "shop"
`,
  )
  const [map] = config.sites.maps
  assert.deepEqual(map!.exact, { 'a=b': 'c=d' })
  assert.deepEqual(map!.patterns, [{ pattern: { source: '^x=(.*)$', ignoresCase: false }, value: '$1' }])
  assert.equal(map!.default, '=')
})

test('networks and parts: what is wrong is told at its entry, what is used by nobody is doubtful', t => {
  const variables = `[[geo]]
name = "$near"
networks = { default = "no", "10.0.0.0/8" = "yes", "2001:db8::/32" = "yes" }
[[split]]
name = "$half"
from = "$remote_addr"
parts = ["50% a", "0.5%", "* b"]
`
  const { config, warnings } = loaded(
    t,
    `${SHOP}${variables}[[site]]\napp = "shop"\nadd-headers = { X-Near = "$near" }\n`,
  )
  const [geo] = config.sites.geos
  assert.deepEqual(geo, {
    name: 'near',
    from: '$remote_addr',
    default: 'no',
    networks: { '10.0.0.0/8': 'yes', '2001:db8::/32': 'yes' },
    place: geo!.place,
  })
  assert.deepEqual(config.sites.splits[0]!.parts, [
    { share: 5000, value: 'a' },
    { share: 50, value: '' },
    { share: null, value: 'b' },
  ])
  assert.match(warnings.join('\n'), /jumak\.toml:7:3: nothing uses the variable \$half$/)
  const problems = told(
    t,
    `${SHOP}[[geo]]
networks = { ranges = "x", "10.0.0.0/33" = "y" }
[[split]]
name = "a"
from = "$uri"
parts = ["60% a", "50% b", "0% c", "* d", "1% e"]
[[geo]]
name = "a"
networks = { a = { b = 1 } }
[[site]]
app = "shop"
rewrites = [{ if = "-f name", return = 503 }, { if = "!-q $uri", return = 503 }]
`,
  ).join('\n')
  assert.match(problems, /a geo needs name/)
  assert.match(problems, /5:14: networks must have addresses, networks as in 10\.0\.0\.0\/8, or default, not 'ranges'/)
  assert.match(problems, /not '10\.0\.0\.0\/33'/)
  assert.match(problems, /parts come to 110%, which is more than 100%/)
  assert.match(problems, /parts must have a percentage from 0\.01% to 100%, not '0% c'/)
  assert.match(problems, /if must have an absolute path or a variable after -f, not '-f name'/)
  assert.match(problems, /if must be as in .* not '!-q \$uri'/)
})
