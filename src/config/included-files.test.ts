/** `include`: sites, maps and applications of other files. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig, reloadConfig } from './load.ts'
import { printConfig } from './print.ts'
import { parseArguments } from './sources/arguments.ts'
import { API, loaded, SHOP, told } from './testing/applications.ts'

const INCLUDE = 'include = "sites/*.toml"\n'

test('included files have sites, maps and applications, in the order of their names, behind those of the first file', t => {
  const files = {
    'sites/b.toml':
      '[[site]]\nnames = ["b.kr"]\napp = "api"\n[[map]]\nname = "x"\nfrom = "$uri"\nvalues = { default = "1" }\n',
    'sites/a.toml': '[[app]]\nname = "api"\napp = "main"\nchdir = "../api"\n[[site]]\nnames = ["a.kr"]\nroot = "www"\n',
    'sites/www/index.html': '',
  }
  const { config, environment } = loaded(t, `${INCLUDE}${SHOP}[[site]]\nnames = ["own.kr"]\napp = "shop"\n`, { files })
  const { sites, maps } = config.sites
  assert.deepEqual(
    sites.map(({ label, place }) => `${place.file}:${place.line} ${label}`),
    ['jumak.toml:5 own.kr', 'sites/a.toml:5 a.kr', 'sites/b.toml:1 b.kr'],
  )
  assert.equal(sites[1]!.root.settings.root, join(environment.cwd, 'sites/www'))
  assert.equal(maps[0]!.place.file, 'sites/b.toml')
  assert.deepEqual(
    config.apps.map(({ name }) => name),
    ['shop', 'api'],
  )
})

test('a file for a project: one application at its top, and its site', t => {
  const files = { 'sites/shop.toml': 'app = "shop.wsgi"\nchdir = ".."\n[[site]]\nnames = ["shop.kr"]\napp = "shop"\n' }
  const { config } = loaded(t, INCLUDE, { files })
  assert.deepEqual([config.apps[0]!.name, config.sites.sites[0]!.label], ['shop', 'shop.kr'])
})

test('--print-config has what the files have, and means the same', t => {
  const files = {
    'sites/a.toml': '[[site]]\nnames = ["a.kr"]\nroot = "www"\nlocations = [{ match = "/", app = "shop" }]\n',
  }
  const given = loaded(t, `${INCLUDE}${SHOP}`, { files })
  const text = printConfig(given, given.environment)
  assert.match(text, /\nnames = "a\.kr" +# sites\/a\.toml:2\n/)
  writeFileSync(join(given.environment.cwd, 'jumak.toml'), text)
  const again = loadConfig(parseArguments([]), given.environment)
  assert.ok('config' in again, `${JSON.stringify(again)}\n${text}`)
  const withoutPlaces = (value: object) => JSON.stringify(value, (key, inner) => (key === 'place' ? null : inner))
  assert.equal(withoutPlaces(again.config.sites), withoutPlaces(given.config.sites))
})

test('a reload sees a file that is new', t => {
  const { environment, ...first } = loaded(t, `${INCLUDE}${SHOP}`, {
    files: { 'sites/a.toml': '[[site]]\nroot = "/"\n' },
  })
  writeFileSync(join(environment.cwd, 'sites/b.toml'), '[[site]]\nnames = "b.kr"\nroot = "/"\n')
  const again = reloadConfig(parseArguments([]), environment, first, () => {})
  assert.ok('config' in again, JSON.stringify(again))
  assert.equal(again.config.sites.sites.length, 2)
  assert.deepEqual(again.changed, [{ name: '[[site]]', change: 'live' }])
})

test('a pattern that matches nothing now is told, and does not stop what is there', t => {
  const { warnings } = loaded(t, `include = ["*.txt", "*.conf"]\n${SHOP}${API}`)
  assert.deepEqual(warnings, [
    "jumak.toml:1:12: include matches no file now: '*.txt'",
    "jumak.toml:1:21: include matches no file now: '*.conf'",
  ])
})

/** An included file, and what is told of it. */
const PROBLEMS: readonly (readonly [toml: string, told: RegExp])[] = [
  ['include = "x.toml"\n[[site]]\n', /^sites\/a\.toml:1:1: an included file includes no others: write it in the file/],
  ['bind = ":80"\n', /^sites\/a\.toml:1:1: bind is for the whole program: write it in the file that has include$/],
  ['[site]\nnames = "a"\n', /^sites\/a\.toml:1:2: a site is a table in two brackets, \[\[site\]\]/],
  ['[[limits]]\nname = "a"\n', /^sites\/a\.toml:1:3: there is no table \[\[limits\]\]; did you mean \[\[limit\]\]\?$/],
  ['[[sites]]\nnames = "a"\n', /^sites\/a\.toml:1:3: there is no table \[\[sites\]\]; did you mean \[\[site\]\]\?$/],
  ['[[site]]\nname = "a"\n', /^sites\/a\.toml:2:1: a site has no setting name; did you mean names\?$/],
  ['[[site]]\napp = "none"\n', /^sites\/a\.toml:2:7: app must be one of the applications: shop, not 'none'$/],
  ['[[site]]\nreturn = "200 $nothing"\n', /^sites\/a\.toml:1:3: .*\$nothing/],
]

for (const [toml, expected] of PROBLEMS)
  test(`told of an included file: ${JSON.stringify(toml)}`, t => {
    const [first = ''] = told(t, `${INCLUDE}${SHOP}`, { files: { 'sites/a.toml': toml } })
    assert.match(first, expected)
  })
