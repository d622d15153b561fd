/** `--paste` of gunicorn: the application that it names, its variables, and `[server:NAME]` of its file. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { makeEnvironment, makeTree } from '../../config/testing/tree.ts'
import { gunicorn } from './gunicorn.ts'

const APP = '[app:main]\nuse = call:shop:make\n'

interface Adapted {
  readonly app: string | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

function adapt(t: TestContext, line: string, files: Readonly<Record<string, string>>, command = ''): Adapted {
  const environment = makeEnvironment(makeTree(t, files), { variables: { GUNICORN_CMD_ARGS: command } })
  const { args } = gunicorn.adapt(line.split(' '), environment, null)
  const shown = (text: string) => text.replaceAll(environment.cwd, 'DIR')
  const texts = [...args.values].map(([name, givens]) => [name, shown(givens.map(({ text }) => text).join(' '))])
  const { app, ...settings } = Object.fromEntries(texts) as Record<string, string>
  return {
    app,
    settings,
    problems: args.diagnostics.map(({ message }) => shown(message)),
    notes: args.adapted!.notes.map(shown),
  }
}

test('the file is found from where the program started, whatever --chdir says; a section and variables may follow', t => {
  const files = { 'live.ini': APP, 'site/x': '', 'wsgi.conf': APP }
  for (const [line, app] of [
    ['--paste live.ini', 'DIR/live.ini'],
    ['--paster live.ini#shop --chdir site', 'DIR/live.ini#shop'],
    ['--paste wsgi.conf', 'DIR/wsgi.conf#main'],
    ['--paste live.ini --paste-global stage=a&b --paste-global a\\=b=c=d', 'DIR/live.ini?stage=a%26b&a%3Db=c%3Dd'],
  ] as const)
    assert.equal(adapt(t, line, files).app, app, line)
})

test('what is given becomes the target', t => {
  const environment = makeEnvironment(makeTree(t, { 'live.ini': APP }))
  const { args } = gunicorn.adapt('--paste live.ini#shop --paste-global stage=live'.split(' '), environment, null)
  const loaded = loadConfig(args, environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  const { target } = loaded.config.apps[0]!
  assert.deepEqual([target.file, target.attributes], [`${environment.cwd}/live.ini`, ['shop']])
  assert.deepEqual(target.paste, { stage: 'live' })
})

test('it wins over a word and wsgi_app; variables without it do nothing, and must be KEY=VALUE', t => {
  const files = { 'live.ini': APP, 'shop.py': '' }
  const { app, notes } = adapt(t, '--paste live.ini shop:app', files)
  assert.equal(app, 'DIR/live.ini')
  assert.ok(notes.includes("the word 'shop:app' does nothing beside --paste"))
  assert.ok(adapt(t, '--paste-global a=b shop', files).notes.includes('--paste-global does nothing without --paste'))
  assert.deepEqual(adapt(t, '--paste live.ini --paste-global secret', files).problems, [
    '--paste-global must be KEY=VALUE',
  ])
})

const SERVER = `[DEFAULT]
run = %(here)s/run
[server:main]
use = egg:gunicorn#main
# a comment
host = 127.0.0.1
port = 6543
workers = 3
PIDFILE = %(run)s/shop.pid
get accesslog = log
raw_env = A=
  b
log = -
`

test('[server:main] does nothing, as with gunicorn, and is told; --paste-server takes its settings', t => {
  const files = { 'live.ini': `${APP}${SERVER.replace('log = -\n', '').replace('get accesslog = log\n', '')}` }
  const without = adapt(t, '--paste live.ini', files)
  assert.deepEqual(without.settings, {})
  assert.ok(
    without.notes.includes(
      'live.ini: [server:main] does nothing, as with gunicorn --paste; --paste-server main takes its settings',
    ),
  )
  const { settings, problems } = adapt(t, '--paste live.ini --paste-server main', files)
  assert.deepEqual(problems, [])
  assert.deepEqual(settings, {
    workers: '3',
    'pid-file': 'DIR/run/shop.pid',
    env: 'A=\nb',
    bind: '127.0.0.1:6543',
  })
})

test('the command line and GUNICORN_CMD_ARGS win over the section, which wins over its configuration file', t => {
  const files = {
    'live.ini': `${APP}[server:main]\nuse = egg:gunicorn\nworkers = 3\nthreads = 2\nconfig = other.py\n`,
    'other.py': '',
  }
  const { settings } = adapt(t, '--paste live.ini --paste-server main -w 5', files)
  assert.deepEqual([settings['workers'], settings['threads']], ['5', '2'])
  assert.equal(adapt(t, '--paste live.ini --paste-server main', files, '--threads 7').settings['threads'], '7')
  const environment = makeEnvironment(makeTree(t, files))
  const words = ['--paste', 'live.ini', '--paste-server', 'main']
  assert.equal(gunicorn.adapt(words, environment, null).file?.path, `${environment.cwd}/other.py`)
  const evaluated = { display: 'other.py', values: { workers: 9, timeout: 7 } }
  const { values } = gunicorn.adapt(words, environment, evaluated).args
  assert.deepEqual([values.get('workers')?.[0]?.text, values.has('timeout')], ['3', true])
})

for (const [what, section, problem] of [
  ['a section that is not there', '', /^--paste-server main: there is no \[server:main\] in DIR\/live\.ini$/],
  ['another server', 'use = egg:waitress#main\n', /must have use = egg:gunicorn#main, and has egg:waitress#main/],
  ['a wrong name', 'use = egg:gunicorn\nworker = 3\n', /worker is no setting of gunicorn; did you mean workers\?/],
  [
    'a wrong value',
    'use = egg:gunicorn\nworkers = many\n',
    /live\.ini: \[server:main\] workers must be a whole number/,
  ],
  ['a name in it that is not there', 'use = egg:gunicorn\nbind = %(x)s\n', /bind has a %\(name\)s that is not there/],
  ['a name in itself', 'use = egg:gunicorn\nbind = %(bind)s\n', /or refers to itself/],
] as const)
  test(`${what} stops the start`, t => {
    const files = { 'live.ini': `${APP}${section && `[server:main]\n${section}`}` }
    const { problems } = adapt(t, '--paste live.ini --paste-server main', files)
    assert.match(problems[0] ?? '', problem)
  })

test('--paste-server stands with --paste only', t => {
  const [problem] = adapt(t, '--paste-server main shop', { 'shop.py': '' }).problems
  assert.equal(problem, '--paste-server must stand with --paste, whose file has the section')
})
