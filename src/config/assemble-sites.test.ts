/** Sites from a file: what a location inherits, and where a site is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printConfig, summarizeSites } from './print.ts'
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
