/** Several applications in files: what each gets and all that can be wrong with them at once. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from './load.ts'
import { printConfig, summarize } from './print.ts'
import { parseArguments } from './sources/arguments.ts'
import { API, apps, type Given, loaded, SHOP, told } from './testing/applications.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'

test('without a table there is one application, named default, for all paths and hosts', t => {
  const { default: only, ...others } = apps(t, 'threads = 3\n')
  assert.deepEqual(others, {})
  assert.deepEqual([only!.path, only!.hosts, only!.threads, only!.target.display], ['', [], 3, 'app:app'])
  assert.deepEqual(only!.pools, [{ name: '', paths: [], workers: null }])
})

test('with tables there is no application of the flat settings, unless they name one', t => {
  assert.deepEqual(Object.keys(apps(t, SHOP)), ['shop'])
  assert.deepEqual(Object.keys(apps(t, API, { words: ['app'] })), ['default', 'api'])
  assert.deepEqual(Object.keys(apps(t, API, { variables: { JUMAK_APP: 'app' } })), ['default', 'api'])
})

test('where there are sites, applications need no path or host of their own', t => {
  const two = `${SHOP}[[app]]\nname = "api"\napp = "shop.wsgi"\n`
  assert.deepEqual(Object.keys(apps(t, `${two}[[site]]\napp = "shop"\n`)), ['shop', 'api'])
})

test('flat settings are defaults for all, from wherever; the nearest wins; only app is never inherited', t => {
  const {
    default: own,
    shop,
    api,
  } = apps(
    t,
    `threads = 2\ntimeout = 5\nenv = { A = "flat", B = "flat" }\n${SHOP}path = "/shop"\nthreads = 4\nenv = { A = "shop" }\n${API}`,
    { words: ['app', '--timeout=7', '-eC=flag'], variables: { JUMAK_WORKERS: '3' } },
  )
  assert.deepEqual([shop!.threads, api!.threads, own!.threads], [4, 2, 2])
  assert.deepEqual([shop!.timeouts.request, api!.timeouts.request], [7000, 7000])
  assert.deepEqual([shop!.workers, api!.workers, own!.workers], [3, 3, 3])
  assert.deepEqual(shop!.variables, { A: 'shop', C: 'flag', B: 'flat' })
  assert.deepEqual(api!.variables, { C: 'flag', A: 'flat', B: 'flat' })
  assert.deepEqual([shop!.target.display, api!.target.display], ['shop.wsgi', 'api.main'])
})

test('what a table says wins over the command line', t => {
  const { shop } = apps(t, `${SHOP}threads = 4\n`, { words: ['--threads=9'] })
  assert.equal(shop!.threads, 4)
})

test('path, hosts and pools', t => {
  const { api } = apps(
    t,
    `${API}hosts = ["API.example.kr", "*.카페.kr"]\n` +
      '[[app.pool]]\npaths = ["/export/", "/api/report"]\nworkers = 2\n' +
      '[[app.pool]]\nname = "slow"\npaths = "/import"\nworkers = 1\n',
  )
  assert.deepEqual([api!.path, api!.hosts], ['/api', ['api.example.kr', '*.xn--ob7b27g.kr']])
  assert.deepEqual(api!.pools, [
    { name: '', paths: [], workers: null },
    { name: 'export', paths: ['/export', '/report'], workers: 2 },
    { name: 'slow', paths: ['/import'], workers: 1 },
  ])
})

test('tables of an application: env, static, timeout-for; inline tables are the same', t => {
  const own = apps(t, `${SHOP}[app.env]\nA = "1"\n[app.static]\n"/s/" = "shop"\n[app.timeout-for]\n"/x" = "5s"\n`)[
    'shop'
  ]!
  const inline = apps(
    t,
    'app = [{ name = "shop", app = "shop.wsgi", env = { A = "1" }, static = { "/s/" = "shop" }, timeout-for = { "/x" = "5s" } }]',
  )['shop']!
  for (const one of [own, inline]) {
    assert.deepEqual(one.variables, { A: '1' })
    assert.deepEqual(
      one.staticMounts.map(({ url }) => url),
      ['/s/'],
    )
    assert.deepEqual(one.timeouts.requestFor, [{ prefix: '/x/', timeout: 5000 }])
  }
})

test('in pyproject.toml', t => {
  const files = {
    'pyproject.toml':
      '[tool.jumak]\nbind = 81\n[[tool.jumak.app]]\nname = "shop"\napp = "shop.wsgi"\n[[tool.jumak.app.pool]]\npaths = "/x"\nworkers = 1\n',
  }
  assert.deepEqual(apps(t, '', { files })['shop']!.pools[1], { name: 'x', paths: ['/x'], workers: 1 })
})

test('include: a file for each application, its name is the file’s, relative paths start there', t => {
  const files = {
    'apps/shop.toml': 'app = "shop.wsgi"\nchdir = ".."\nhosts = ["shop.kr"]\n[[pool]]\npaths = "/x"\nworkers = 1\n',
    'apps/api.toml': 'name = "rest"\napp = "main"\nchdir = "../api"\nenv-file = "../api/.env"\n',
    'apps/.hidden.toml': 'nonsense',
    'apps/notes.md': 'nonsense',
  }
  const read = loaded(t, 'include = "apps/*.toml"\nthreads = 2\n', { files })
  const [rest, shop] = read.config.apps
  assert.deepEqual([rest!.name, shop!.name], ['rest', 'shop'])
  assert.deepEqual([rest!.directory, shop!.directory], [join(read.environment.cwd, 'api'), read.environment.cwd])
  assert.deepEqual([rest!.envFiles, rest!.threads], [[join(read.environment.cwd, 'api/.env')], 2])
  assert.deepEqual([shop!.hosts, shop!.pools.length], [['shop.kr'], 2])
})

test('an application of its own user', t => {
  const { shop, api } = apps(t, `user = "www-data"\n${SHOP}user = "me"\n${API}`)
  assert.deepEqual([shop!.identity?.uid, api!.identity?.uid], [1000, 33])
})

/** TOML, what is told of it, and what else there is. */
const PROBLEMS: readonly (readonly [toml: string, told: readonly string[], given?: Given])[] = [
  ['[[app]]\napp = "shop.wsgi"\n', ['jumak.toml:1:3: an application needs a name, as in name = "shop"']],
  [
    '[[app]]\nname = "shop"\n',
    ['jumak.toml:1:3: an application needs app, as in app = "shop.wsgi"; app = "." finds it in its directory'],
  ],
  [
    '[[app]]\nname = "Shop"\napp = "shop.wsgi"\n',
    [
      "jumak.toml:2:8: name must be lower-case letters, digits, - and _, 32 at most, the first a letter or a digit, not 'Shop'",
    ],
  ],
  [
    '[[app]]\nname = "default"\napp = "shop.wsgi"\n',
    [
      "jumak.toml:2:8: name must not be default: this is the application of the settings at the top of the file, not 'default'",
    ],
  ],
  [
    `${SHOP}${SHOP}path = "/a"\n`,
    ['jumak.toml:4:3: an application called shop is at jumak.toml:1:3 already: each has a name of its own'],
  ],
  [
    `${API}[[app]]\nname = "two"\napp = "shop.wsgi"\npath = "/api"\n`,
    [
      'jumak.toml:5:3: the path /api of all hosts is for the application api (jumak.toml:1:3) already: give one of them another path, or hosts',
    ],
  ],
  [
    `${SHOP}hosts = ["a.kr", "b.kr"]\n[[app]]\nname = "two"\napp = "app"\nhosts = ["c.kr", "B.kr."]\n`,
    [
      'jumak.toml:5:3: the path / of b.kr is for the application shop (jumak.toml:1:3) already: give one of them another path, or hosts',
    ],
  ],
  [
    SHOP,
    [
      "jumak.toml:1:3: the path / of all hosts is for the application 'app' (APP) already: give one of them another path, or hosts",
    ],
    { words: ['app'] },
  ],
  [`${SHOP}hosts = ["a.kr", "A.kr"]\n`, ['jumak.toml:4:18: hosts has a.kr twice: each host may be given once']],
  [
    `${SHOP}hosts = ["https://a.kr"]\n`,
    ["jumak.toml:4:10: hosts must be a name alone, without http:// and path, not 'https://a.kr'"],
  ],
  ['[[app]]\nname = "shop"\napp = 5\n', ['jumak.toml:3:7: app must be text in quotes, not the number 5']],
  ['[[app]]\nname = 5\napp = "app"\n', ['jumak.toml:2:8: name must be text in quotes, not the number 5']],
  [`${SHOP}path = "/caf%C3%A9"\n`, ["jumak.toml:4:8: path must be written decoded, as in /café, not '/caf%C3%A9'"]],
  [`${SHOP}path = "shop"\n`, ["jumak.toml:4:8: path must begin with a slash, as in /shop, not 'shop'"]],
  [`${SHOP}bind = 81\n`, ['jumak.toml:4:1: bind is for the whole program: write it at the top of the file']],
  [`${SHOP}include = "x"\n`, ['jumak.toml:4:1: include is for the whole program: write it at the top of the file']],
  [
    `${SHOP}paths = "/x"\n`,
    ['jumak.toml:4:1: an application has one path, as in path = "/shop"; a list of paths is for a pool, [[app.pool]]'],
  ],
  [
    `${SHOP}[[app.pools]]\npaths = "/x"\n`,
    [
      'jumak.toml:4:7: an application has no table [[pools]]: its pools are [[app.pool]], or [[pool]] in a file of its own',
    ],
  ],
  [
    `${SHOP}[[app.pool]]\npath = "/x"\nworkers = 1\n`,
    ['jumak.toml:5:1: a pool has a list of paths, as in paths = ["/export"]'],
  ],
  [
    `${SHOP}[[app.pool]]\npaths = []\nworkers = 1\n`,
    ['jumak.toml:5:9: paths must not be an empty list: it must have one at least'],
  ],
  [
    `${SHOP}path = "/x/*"\n`,
    ["jumak.toml:4:8: path must be without *, as in /shop: all below a path is meant anyway, not '/x/*'"],
  ],
  // What seems to be missing, or to be another's, is what a misspelt key was to be.
  ['[[app]]\nnmae = "shop"\napp = "app"\n', ['jumak.toml:2:1: an application has no setting nmae; did you mean name?']],
  [
    `${SHOP}[[app]]\nname = "two"\napp = "app"\npath = "two"\n`,
    ["jumak.toml:7:8: path must begin with a slash, as in /shop, not 'two'"],
  ],
  [
    `${SHOP}[[app]]\nname = "two"\napp = "app"\npth = "/two"\n`,
    ['jumak.toml:7:1: an application has no setting pth; did you mean path?'],
  ],
  [`${SHOP}wrokers = 2\n`, ['jumak.toml:4:1: an application has no setting wrokers; did you mean workers?']],
  [`${SHOP}host = "a"\n`, ['jumak.toml:4:1: an application has no setting host; did you mean hosts?']],
  [`${SHOP}server_name = "a"\n`, ['jumak.toml:4:1: an application has no setting server_name; did you mean hosts?']],
  [`${SHOP}mount = "/x"\n`, ['jumak.toml:4:1: an application has no setting mount; did you mean path?']],
  [
    `${SHOP}bindd = 2\n`,
    ['jumak.toml:4:1: an application has no setting bindd; did you mean bind, at the top of the file?'],
  ],
  [`${SHOP}xyzzy = 2\n`, ['jumak.toml:4:1: an application has no setting xyzzy']],
  [
    `${SHOP}[app.pool]\npaths = "/x"\n`,
    ['jumak.toml:4:6: a pool is a table in two brackets, [[app.pool]], or [[pool]] in a file of its own'],
  ],
  ['path = "/x"\n', ['jumak.toml:1:1: path belongs to an application: write it below its [[app]]']],
  [
    '[[pool]]\npaths = "/x"\n',
    ['jumak.toml:1:3: a pool belongs to an application: write it as [[app.pool]], below its [[app]]'],
  ],
  [
    '[app]\nname = "shop"\n',
    ['jumak.toml:1:2: an application is a table in two brackets, [[app]], since there may be several'],
  ],
  [
    `app = "app"\n${SHOP}`,
    [
      'jumak.toml:2:3: this is not TOML: app is given twice in different forms; write each application as a table [[app]]',
    ],
  ],
  [
    `${SHOP}[[app.pool]]\n[[app.pool]]\npaths = ["/x", "/"]\nworkers = 0\n[[app.pool]]\npaths = "/x/"\nworkers = 1\nthreads = 2\n`,
    [
      'jumak.toml:11:1: threads belongs to an application: write it in the table [[app]] of its application',
      'jumak.toml:4:7: a pool needs paths, as in paths = ["/export"]',
      'jumak.toml:4:7: a pool needs workers, as in workers = 2',
      "jumak.toml:6:16: paths must be a path below the root of the application, as in /export: the rest is for its other workers, not '/'",
      "jumak.toml:7:11: workers must be a whole number from 1 to 1024, not '0'",
      'jumak.toml:9:9: paths has /x twice: a path is for one pool',
    ].sort(),
  ],
  [
    `${SHOP}user = "nobody-here"\n`,
    ["jumak.toml:4:8: user must name a user that this machine knows (it is not in /etc/passwd), not 'nobody-here'"],
  ],
  [
    `${SHOP}chdir = "nowhere"\n${API}chdir = "api"\nthreads = 0\n`,
    [
      "jumak.toml:4:9: chdir must name a directory that exists, not 'nowhere'",
      "jumak.toml:10:11: threads must be a whole number from 1 to 256, not '0'",
    ],
  ],
  [`threads = 0\n${SHOP}${API}`, ["jumak.toml:1:11: threads must be a whole number from 1 to 256, not '0'"]],
  [`threads = 0\n${SHOP}threads = 2\n`, ["jumak.toml:1:11: threads must be a whole number from 1 to 256, not '0'"]],
  ['include = "apps/*.toml"\n', ["jumak.toml:1:11: include must be in a directory that exists, not 'apps/*.toml'"]],
  ['include = "*.txt"\n', ["jumak.toml:1:11: include must match a file that exists, not '*.txt'"]],
  [
    'include = "*/x.toml"\n',
    ["jumak.toml:1:11: include must have * in the name of the file only, as in apps/*.toml, not '*/x.toml'"],
  ],
  ['include = "x.toml"\n', ["jumak.toml:1:11: include must name a file that exists, not 'x.toml'"]],
  [
    'include = "apps/*"\n',
    [
      'apps/a.toml:1:4: this is not TOML: there is no value',
      'apps/b.toml:2:3: an included file has the keys of one application at its top, or tables [[app]], not both',
      'apps/b.toml:1:1: an application needs app, as in app = "shop.wsgi"; app = "." finds it in its directory',
      'apps/c.toml:1:1: an application needs app, as in app = "shop.wsgi"; app = "." finds it in its directory',
      "jumak.toml:1:11: include must name a TOML file: write what stands in 'd.ini' as keys of a jumak.toml",
    ],
    {
      files: {
        'apps/a.toml': 'a =\n',
        'apps/b.toml': 'name = "b"\n[[app]]\n',
        'apps/c.toml': 'path = "/c"',
        'apps/d.ini': '',
      },
    },
  ],
]

for (const [toml, expected, given] of PROBLEMS)
  test(`told: ${expected.join(' · ').slice(0, 150)}`, t =>
    assert.deepEqual(told(t, toml, given).sort(), [...expected].sort()))

/** Files that were to name the applications. There is nothing else here that could be served. */
const HIDES: readonly (readonly [toml: string, expected: string])[] = [
  [
    '[app]\nname = "a"\n',
    'jumak.toml:1:2: an application is a table in two brackets, [[app]], since there may be several',
  ],
  ['[[apps]]\nname = "a"\n', 'jumak.toml:1:3: there is no table [[apps]]; did you mean [[app]]?'],
  ['[[server]]\nname = "a"\n', 'jumak.toml:1:3: there is no table [[server]]; did you mean [[app]]?'],
  ['[[limits]]\nname = "a"\n', 'jumak.toml:1:3: there is no table [[limits]]; did you mean [[limit]]?'],
  ['[[pools]]\npaths = "/x"\n', 'jumak.toml:1:3: there is no table [[pools]]; did you mean [[app.pool]]?'],
  ['include = "apps/*.toml"\n', "jumak.toml:1:11: include must be in a directory that exists, not 'apps/*.toml'"],
  ['include = "*.txt"\n', "jumak.toml:1:11: include must match a file that exists, not '*.txt'"],
  ['path = /shop\n', 'jumak.toml:1:8: this is not TOML: unexpected character; text needs quotes: path = "/shop"'],
]
for (const [toml, expected] of HIDES)
  test(`told without a search for an application: ${expected}`, t => {
    const result = loadConfig(parseArguments([]), makeEnvironment(makeTree(t, { 'jumak.toml': toml })))
    assert.ok('diagnostics' in result)
    assert.deepEqual(
      result.diagnostics.map(one => one.message),
      [expected],
    )
  })

test('an application as a table of its name is told how to be written', t => {
  assert.deepEqual(told(t, '[shop]\napp = "shop.wsgi"\npath = "/shop"\n'), [
    'jumak.toml:1:2: there is no table [shop]; an application is a table [[app]] with a name, as in name = "shop"',
  ])
})

test('an included file that has one name with another says both places', t => {
  const files = { 'apps/shop.toml': 'app = "shop.wsgi"\npath = "/x"\nchdir = ".."\n' }
  assert.deepEqual(told(t, `include = "apps/*.toml"\n${SHOP}`, { files }), [
    'apps/shop.toml:1:1: an application called shop is at jumak.toml:2:3 already: each has a name of its own',
  ])
})

test('more files than anybody has are refused', t => {
  const files = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`apps/a${i}.toml`, '']))
  assert.deepEqual(
    told(t, 'include = "apps/*.toml"\n', { files }).at(0),
    "jumak.toml:1:11: include must match 1024 files at most: there are 1025, not 'apps/*.toml'",
  )
})

test('flags and variables have no keys of one application, and say so', t => {
  const where = 'it is a key of a table [[app]] in jumak.toml, since each application has its own'
  assert.deepEqual(told(t, SHOP, { words: ['--hosts=a.kr'], variables: { JUMAK_PATH: '/x' } }), [
    `there is no flag --hosts: ${where}`,
    `there is no setting for the variable JUMAK_PATH: ${where}`,
  ])
})

test('applications, hosts and pools are bounded', t => {
  const tables = (count: number) =>
    Array.from({ length: count }, (_, i) => `[[app]]\nname = "a${i}"\napp = "app"\npath = "/a${i}"\n`).join('')
  assert.deepEqual(told(t, tables(257)), ['jumak.toml:1025:3: there are 257 applications: 256 at most'])
  const hosts = JSON.stringify(Array.from({ length: 1001 }, (_, i) => `h${i}.kr`))
  assert.deepEqual(told(t, `${SHOP}hosts = ${hosts}\n`), ['jumak.toml:4:10: hosts has 1001 hosts: 1000 at most'])
  const pools = Array.from({ length: 33 }, (_, i) => `[[app.pool]]\npaths = "/p${i}"\nworkers = 1\n`).join('')
  assert.deepEqual(told(t, SHOP + pools), ['jumak.toml:100:7: an application has 32 pools at most: this one has 33'])
})

test('useless settings are warned of in the application’s place', t => {
  const { warnings } = loaded(t, `max-requests-jitter = 3\n${SHOP}root-path = "/api"\n${API}max-requests-jitter = 2\n`)
  assert.deepEqual(warnings, [
    'jumak.toml:1:23: max-requests-jitter does nothing without max-requests',
    'jumak.toml:5:13: root-path /api is also the beginning of /api, the path of api: a request for it counts as one for /',
    'jumak.toml:10:23: max-requests-jitter does nothing without max-requests',
  ])
})

test('--print-config makes a file that means the same', t => {
  const given = loaded(
    t,
    `threads = 2\nenv = { A = "1", B = "2" }\n${SHOP}env = { A = "3" }\nhosts = ["a.kr", "b.kr"]\n${API}workers = 7\n[[app.pool]]\npaths = ["/x"]\nworkers = 2\n`,
    { words: ['--timeout=9'] },
  )
  const text = printConfig(given, given.environment)
  writeFileSync(join(given.environment.cwd, 'jumak.toml'), text)
  const again = loadConfig(parseArguments([]), given.environment)
  assert.ok('config' in again, `${JSON.stringify(again)}\n${text}`)
  assert.deepEqual(again.config, given.config)
  assert.match(text, /\n\[\[app\]\]\nname = "shop" +# jumak\.toml:4\n/)
})

test('--check names each application', t => {
  const { config } = loaded(t, `${SHOP}${API}`)
  assert.deepEqual(
    config.apps.map(app => summarize(config, app, null)),
    [
      'the settings are right: shop: shop.wsgi on 127.0.0.1:8000, 4 workers × 1 thread, or 1 if it is ASGI',
      'the settings are right: api: api.main on 127.0.0.1:8000, 4 workers × 1 thread, or 1 if it is ASGI',
    ],
  )
})
