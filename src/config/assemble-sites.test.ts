/** Sites from a file: what a location inherits, and where a site is. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from './load.ts'
import { printConfig, summarizeSites } from './print.ts'
import { SETTINGS } from './settings/index.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { APP_KEYS } from './settings/tables.ts'
import { parseArguments } from './sources/arguments.ts'
import { loaded, SHOP, told } from './testing/applications.ts'

const NEVER = /must be an address that a connection can have/

test('a site is on addresses that a connection can have', t => {
  const site = (address: string) => `${SHOP}[[site]]\nlisten = ["${address}"]\napp = "shop"\n`
  for (const address of ['localhost:8000', '127.0.0.1:0', 'fd://3'])
    assert.match(told(t, site(address), { words: [`--bind=${address}`] }).join('\n'), NEVER, address)
  const listen = (address: string) =>
    loaded(t, site(address), { words: [`--bind=${address}`] }).config.sites.sites[0]!.listen
  assert.deepEqual(listen('127.0.0.1:8000'), ['127.0.0.1:8000'])
  assert.deepEqual(listen('0.0.0.0:8000'), ['*:8000'])
  assert.deepEqual(listen(':8000'), ['*:8000'])
  assert.deepEqual(listen('[::]:8000'), ['*:8000'])
  assert.deepEqual(listen('[::1]:8000'), ['[::1]:8000'])
})

test('sites with files alone have no application, whatever could be found; one that is named is found', t => {
  const site = '[[site]]\nroot = "/"\n'
  assert.deepEqual(loaded(t, site).config.apps, [])
  const named = loaded(
    t,
    `${site}locations = [{ match = "/a/", locations = [{ match = "/a/b/", app = "default" }] }]\n`,
  )
  assert.deepEqual(
    named.config.apps.map(({ target }) => target.display),
    ['app:app'],
  )
  const given = loaded(t, site, { words: ['shop.wsgi'] })
  assert.deepEqual(given.config.apps.length, 1)
  assert.deepEqual(given.warnings, ['the application default gets no request: no site has app = "default"'])
  assert.deepEqual(told(t, '[[site]]\napp = "shop"\n'), [
    "jumak.toml:2:7: app must be an application, and there is none: write it as a table [[app]], not 'shop'",
  ])
})

const TOP = `root = "/srv/$host"
expires = "1h"
error-page = ["502=down.html", "404 /404.html", "500 =200 /ok.json"]
[add-headers]
A = "1"
`

test('the top of the file is inherited by all sites; a site or a location wins over it as a whole', t => {
  const files = { 'down.html': 'down', 'sites/a.toml': '[[site]]\nnames = ["a.kr"]\nexpires = "off"\n' }
  const own = '[[site]]\nadd-headers = { B = "2" }\nlocations = [{ match = "/c/", error-page = ["404 /c.html"] }]\n'
  const given = loaded(t, `include = "sites/*.toml"\n${TOP}${own}`, { files })
  const { config, environment, warnings } = given
  const [first, second] = config.sites.sites
  const { settings, handler } = first!.root
  assert.deepEqual([handler, settings.root], [{ kind: 'files', alias: null }, '/srv/$host'])
  assert.deepEqual(settings.addHeaders, [{ name: 'B', value: '2', always: false }])
  assert.deepEqual(
    settings.errorPages.map(({ target }) => target),
    ['/404.html', '/ok.json'],
  )
  assert.deepEqual(
    first!.locations[0]!.settings.errorPages.map(({ target }) => target),
    ['/c.html'],
  )
  assert.deepEqual(second!.root.settings.expires, { kind: 'off' })
  assert.deepEqual(
    second!.root.settings.addHeaders.map(({ name }) => name),
    ['A'],
  )
  assert.deepEqual(
    config.errorPages.map(({ status, content }) => [status, content]),
    [[502, 'down']],
  )
  assert.deepEqual(warnings, [])
  const text = printConfig(given, environment)
  writeFileSync(join(environment.cwd, 'jumak.toml'), text)
  const again = loadConfig(parseArguments([]), environment)
  assert.ok('config' in again, `${JSON.stringify(again)}\n${text}`)
  const withoutPlaces = (value: object) => JSON.stringify(value, (key, inner) => (key === 'place' ? null : inner))
  assert.equal(withoutPlaces(again.config.sites), withoutPlaces(config.sites))
  assert.deepEqual(again.config.errorPages, config.errorPages)
})

test('what the top says for sites: wrong values have their place; without a site it does nothing', t => {
  const page = 'error-page = ["502=down.html", "404 down.html"]\n'
  const found = told(t, `expires = "soon"\n${page}[[site]]\nroot = "/"\n`, { files: { 'down.html': '' } })
  assert.match(found.join('\n'), /^jumak\.toml:1:11: expires .*\njumak\.toml:2:32: error-page /)
  assert.deepEqual(loaded(t, `charset = "off"\nerror-page = "404 /x"\n`).warnings, [
    'jumak.toml:1:11: charset does nothing without a [[site]]',
    'jumak.toml:2:14: error-page does nothing without a [[site]]',
  ])
  assert.deepEqual(told(t, `${SHOP}expires = "1h"\n`), [
    'jumak.toml:4:1: expires belongs to a site: write it in a table [[site]]',
  ])
})

test('no setting of sites that may stand at the top has the name of another setting', () => {
  const names = [...SETTINGS, ...APP_KEYS].map(({ name }) => name)
  assert.deepEqual(
    SITE_DEFAULTS.filter(({ name }) => names.includes(name)),
    [],
  )
})

test('--check and --print-config of files alone', t => {
  const given = loaded(t, '[[site]]\nroot = "/"\n', { words: ['--bind=:80'] })
  assert.equal(summarizeSites(given.config), 'the settings are right: 1 site, no application, on 0.0.0.0:80')
  assert.match(printConfig(given, given.environment), /\n# app = "\."[^\n]*\n/)
})

test('a location inherits what it does not say, a list or a table as a whole', t => {
  const { config } = loaded(
    t,
    `${SHOP}[[site]]
app = "shop"
expires = "1h"
timeout = "5m"
add-headers = { A = "1", B = "2" }
locations = [
  { match = "/a/", add-headers = { C = "3" } },
  { match = "/b/", internal = true, return = 404, locations = [{ match = "/b/c/" }] },
]
`,
  )
  const [a, b] = config.sites.sites[0]!.locations
  assert.deepEqual(a!.handler, { kind: 'app', name: 'shop' })
  assert.deepEqual(a!.settings.expires, { kind: 'after', seconds: 3600, modified: false })
  assert.deepEqual(
    a!.settings.addHeaders.map(({ name }) => name),
    ['C'],
  )
  assert.deepEqual([a!.settings.timeout, a!.settings.requestBuffering], [300_000, null])
  assert.deepEqual(b!.handler, { kind: 'none' })
  assert.equal(b!.locations[0]!.isInternal, true)
  assert.equal(b!.locations[0]!.settings.addHeaders.length, 2)
})

test('rates, dates, links and slashes: what is written, and what does nothing', t => {
  const { config, warnings } = loaded(
    t,
    `${SHOP}[[site]]
merge-slashes = false
root = "."
limit-rate = "1.5K"
limit-rate-after = 10
if-modified-since = "exact"
disable-symlinks = "on"
locations = [
  { match = "/a/", limit-rate = "$arg_rate", limit-rate-after = 0 },
  { match = "/b/", app = "shop", disable-symlinks = "off" },
]
[[site]]
names = ["b.test"]
limit-rate-after = "1M"
app = "shop"
locations = [{ match = "/c", limit-rate-after = "2M" }]
`,
  )
  const [site, other] = config.sites.sites
  assert.deepEqual([site!.mergesSlashes, other!.mergesSlashes], [false, true])
  const { limitRate, limitRateAfter, ifModifiedSince, disableSymlinks } = site!.root.settings
  assert.deepEqual([limitRate, limitRateAfter, ifModifiedSince, disableSymlinks], ['1536', '10', 'exact', 'on'])
  const [a] = site!.locations
  assert.deepEqual([a!.settings.limitRate, a!.settings.limitRateAfter], ['$arg_rate', '0'])
  assert.match(warnings.join('\n'), /disable-symlinks does nothing in a location without files/)
  assert.match(warnings.join('\n'), /limit-rate-after does nothing without limit-rate/)
  assert.match(
    told(t, `${SHOP}[[site]]\napp = "shop"\nlimit-rate = "fast"\n`).join('\n'),
    /limit-rate must be bytes .* not 'fast'/,
  )
})

test('steps say where they are written', t => {
  const { config } = loaded(
    t,
    `${SHOP}[[site]]
app = "shop"
rewrites = [
  { if = "-d /srv", rewrites = [{ set = { a = "1" }, from = "^/x", to = "/y" }] },
]
`,
  )
  const [step] = config.sites.sites[0]!.rewrites
  assert.ok(step?.kind === 'if')
  assert.deepEqual(
    [step, ...step.steps].map(({ kind, place: { line, column } }) => [kind, line, column]),
    [
      ['if', 7, 10],
      ['set', 7, 43],
      ['rewrite', 7, 61],
    ],
  )
})
