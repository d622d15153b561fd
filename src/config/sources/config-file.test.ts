/** Files: which file is read, the forms that TOML allows, and the place of every problem. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../load.ts'
import { makeEnvironment, makeTree } from '../testing/tree.ts'
import { parseArguments } from './arguments.ts'
import { readConfigFile } from './config-file.ts'
import { parseToml } from './toml.ts'

function read(t: TestContext, files: Readonly<Record<string, string>>, explicit: string | null = null) {
  const root = makeTree(t, files)
  const path = explicit === null ? null : join(root, explicit)
  const result = readConfigFile(path, '--config', makeEnvironment(root))
  const values = Object.fromEntries(result.values.entries().map(([name, given]) => [name, given.map(one => one.text)]))
  return { ...result, values, root, told: result.diagnostics.map(one => one.message.replaceAll(root, '')) }
}

test('jumak.toml is read, else the table in pyproject.toml, else nothing', t => {
  const project = '[tool.other]\na = 1\n[tool.jumak]\nworkers = 2\n[tool.jumak.env]\nA = "1"\n'
  assert.deepEqual(read(t, {}).file, null)
  assert.deepEqual(read(t, { 'pyproject.toml': project }).values, { workers: ['2'], env: ['A=1'] })
  const both = read(t, { 'pyproject.toml': project, 'jumak.toml': 'workers = 3' })
  assert.deepEqual(both.values, { workers: ['3'] })
  assert.deepEqual(both.warnings, ['[tool.jumak] of pyproject.toml is not read, because there is a jumak.toml'])
})

test('a pyproject.toml without our table is ignored, with its mistakes', t => {
  for (const text of ['[tool.black]\nx = 1', 'this is no TOML', '# [tool.jumak]'])
    assert.deepEqual(read(t, { 'pyproject.toml': text }).told, [])
  const wrong = read(t, { 'pyproject.toml': '[tool.jumak]\nworkers = many\n' })
  assert.match(wrong.told[0]!, /^pyproject\.toml:2:11: this is not TOML: .*; text needs quotes: workers = "many"$/)
})

test('the table may have any form of TOML, and a misspelt table is reported', t => {
  for (const text of ['tool.jumak.workers = 2', '[tool]\njumak = { workers = 2 }', '[ tool . "jumak" ]\nworkers = 2'])
    assert.deepEqual(read(t, { 'pyproject.toml': text }).values, { workers: ['2'] }, text)
  for (const name of ['jumack', 'jumk', 'Jumak'])
    assert.deepEqual(read(t, { 'pyproject.toml': `[tool.${name}]\nworkers = 2` }).warnings, [
      `pyproject.toml:1:7: [tool.${name}] is not read; did you mean [tool.jumak]?`,
    ])
  assert.deepEqual(read(t, { 'pyproject.toml': '[tool.ruff]\n[tool.uv]\n[tool.mypy]\n' }).warnings, [])
})

test('a value that is too deep or too long for the parser is a problem of the file, also at a reload', t => {
  for (const text of [`bind = ${'['.repeat(50_000)}${']'.repeat(50_000)}`, `workers = ${'9'.repeat(2_000_000)}`])
    assert.deepEqual(read(t, { 'jumak.toml': text }).told, [
      'jumak.toml:1:1: this is not read: it is nested too deeply, or a value is too long',
    ])
})

test('names that every object has, such as constructor, are no settings and no values', t => {
  for (const name of ['__proto__', 'constructor', 'toString'])
    assert.match(read(t, { 'jumak.toml': `${name} = 1` }).told[0]!, /^jumak\.toml:1:1: there is no setting/)
  const environment = makeEnvironment(makeTree(t, {}))
  for (const JUMAK_RELOAD of ['__proto__', 'constructor']) {
    const loaded = loadConfig(parseArguments(['app']), { ...environment, variables: { JUMAK_RELOAD } })
    assert.ok('diagnostics' in loaded && loaded.diagnostics.some(one => /must be on or off/.test(one.message)))
  }
})

test('a file of --config must exist, be TOML, and have settings at the right place', t => {
  assert.deepEqual(read(t, {}, 'x.toml').told, ["--config must name a file that exists, not '/x.toml'"])
  assert.deepEqual(read(t, { 'd/x': '' }, 'd').told, ["--config must name a file that exists, not '/d'"])
  assert.match(read(t, { 'pyproject.toml': '' }, 'pyproject.toml').told[0]!, /must have a table \[tool\.jumak\]/)
  assert.deepEqual(read(t, { 'a/b.toml': 'threads = 2' }, 'a/b.toml').values, { threads: ['2'] })
})

test('each value has its place, and the directory at which its paths start', t => {
  const { values, root } = { ...read(t, { 'a/b.toml': '\nbind = [\n  ":1",\n  ":2",\n]\n' }, 'a/b.toml') }
  assert.deepEqual(values, { bind: [':1', ':2'] })
  const result = readConfigFile(join(root, 'a/b.toml'), '--config', makeEnvironment(root))
  assert.deepEqual(
    result.values.get('bind')!.map(one => one.origin),
    [3, 4].map(line => ({ from: 'file', file: 'a/b.toml', directory: join(root, 'a'), position: { line, column: 3 } })),
  )
})

const VALUES: readonly (readonly [toml: string, values: object])[] = [
  ['timeout = 1.5', { timeout: ['1.5'] }],
  ['max-requests = 1_000', { 'max-requests': ['1000'] }],
  ['reload = true', { reload: ['on'] }],
  ['preload = false', { preload: ['off'] }],
  ['access-log = false', { 'access-log': ['off'] }],
  ['static = false', { static: ['off'] }],
  ['static = "/a=b"', { static: ['/a=b'] }],
  ['static = ["/a=b", "/c=d"]', { static: ['/a=b', '/c=d'] }],
  ['[static]\n"/a" = "b"\n"/c" = "d"', { static: ['/a=b', '/c=d'] }],
  ['env = { A = 1, B = true, C = "x=y" }', { env: ['A=1', 'B=true', 'C=x=y'] }],
  ['env.A = 1.50\nenv."B" = false', { env: ['A=1.50', 'B=false'] }],
  ['bind = ":1, :2"', { bind: [':1', ':2'] }],
  ['"workers" = 2', { workers: ['2'] }],
]

for (const [toml, values] of VALUES)
  test(`${toml.replaceAll('\n', ' / ')}`, t => {
    const result = read(t, { 'jumak.toml': toml })
    assert.deepEqual([result.told, result.values], [[], values])
  })

const PROBLEMS: readonly (readonly [toml: string, told: string])[] = [
  ['log_level = "info"', 'jumak.toml:1:1: there is no setting log_level; did you mean log-level?'],
  [
    'worker-tmp-dir = "/dev/shm"',
    'jumak.toml:1:1: there is no setting worker-tmp-dir: leave it out, workers need none; --temp-dir is for uploads',
  ],
  ['logto = "a.log"', 'jumak.toml:1:1: there is no setting logto; did you mean log-file?'],
  ['\n  processes = 4', 'jumak.toml:2:3: there is no setting processes; did you mean workers?'],
  ['config = "x"', 'jumak.toml:1:1: there is no setting config: a file cannot name another one'],
  ['xyzzy = 1', 'jumak.toml:1:1: there is no setting xyzzy'],
  ['[environment]\nA = "1"', 'jumak.toml:1:2: there is no table [environment]; did you mean [env]?'],
  [
    '[server]\nworkers = 1',
    'jumak.toml:1:2: there is no table [server]; write settings at the top of the file, without a table',
  ],
  [
    '[tool.jumak]\nworkers = 1',
    'jumak.toml:1:2: there is no table [tool]; write settings at the top of the file, without a table',
  ],
  ['workers = "2\n', 'jumak.toml:1:13: this is not TOML: unterminated string constant'],
  ['workers = # how many?\n\n', 'jumak.toml:1:10: this is not TOML: there is no value'],
  ['workers =\nthreads = 1', 'jumak.toml:1:10: this is not TOML: there is no value'],
  [
    '[[site]]\nlocations = [{ match = "/" }]\n[[site.locations]]\nmatch = "/x"',
    'jumak.toml:3:8: this is not TOML: this site has a list locations = [ … ] already; write all of its locations there, or each as a table [[site.locations]]',
  ],
  ['workers = true', 'jumak.toml:1:11: workers must be text in quotes or a number, not true'],
  ['workers = [1]', 'jumak.toml:1:11: workers must be text in quotes or a number, not a list'],
  ['workers = 2026-11-21', 'jumak.toml:1:11: workers must be text in quotes or a number, not a date'],
  ['[workers]\nn = 1', 'jumak.toml:1:2: workers must be text in quotes or a number, not a table'],
  [
    '[[bind]]\nhost = "x"',
    'jumak.toml:1:3: bind must be text in quotes, a number, or a list of them, not a list of tables',
  ],
  ['umask = 27', 'jumak.toml:1:9: umask must be text in quotes, not the number 27'],
  ['access-log = true', 'jumak.toml:1:14: access-log must be text in quotes or false, not true'],
  ['env = ["A=1"]', 'jumak.toml:1:7: env must be a table, as in env = { KEY = "value" }, not a list'],
  ['env = "A=1"', 'jumak.toml:1:7: env must be a table, as in env = { KEY = "value" }, not text'],
  ['[env]\nA = [1]', 'jumak.toml:2:5: env A must be text, a number, true or false, not a list'],
  ['bind = [{ a = 1 }]', 'jumak.toml:1:9: bind must be text in quotes, a number, or a list of them, not a table'],
]

for (const [toml, told] of PROBLEMS)
  test(`told: ${told}`, t => assert.deepEqual(read(t, { 'jumak.toml': toml }).told, [told]))

test('text that is not UTF-8 is refused', t => {
  const root = makeTree(t, {})
  const path = join(root, 'x.toml')
  writeFileSync(path, Buffer.from([0x61, 0xff]))
  const { diagnostics } = readConfigFile(path, '--config', makeEnvironment(root))
  assert.match(diagnostics[0]!.message, /^--config must be UTF-8/)
})

test('any text is read, or refused with a place in it', () => {
  const piece = fc.constantFrom(
    'a',
    '=',
    '1',
    '"',
    '[',
    ']',
    '.',
    '{',
    '}',
    '\n',
    ' ',
    ',',
    '#',
    "'",
    'true',
    '-',
    '\r\n',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map(all => all.join('')),
      ),
      text => {
        const parsed = parseToml(text)
        if (!('message' in parsed)) return
        const { line, column } = parsed.position
        assert.ok(line >= 1 && line <= text.split('\n').length + 1 && column >= 1)
      },
    ),
    { numRuns: 500 },
  )
})

test('an empty list is refused: it looks like "nobody" and would mean the default', t => {
  const { told, values } = read(t, { 'jumak.toml': 'trusted-proxies = []\nenv-file = [ ]\nstatic = []\n' })
  assert.deepEqual(values, {})
  assert.deepEqual(told, [
    'jumak.toml:1:19: trusted-proxies must not be an empty list: without the line it is loopback, unix',
    'jumak.toml:2:12: env-file must not be an empty list: without the line it is none',
    'jumak.toml:3:10: static must not be an empty list: without the line it is found for Django',
  ])
})
