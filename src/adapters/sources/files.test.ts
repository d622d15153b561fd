/** Where a command stands in files: Procfile, Dockerfile, compose file, unit of systemd. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are for other programs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { readCompose } from './compose-file.ts'
import { readDockerfile } from './dockerfile.ts'
import type { Found } from './found.ts'
import { readProcfile } from './procfile.ts'
import { readUnit } from './systemd-unit.ts'
import { entriesOf, linesOf, scalarOrList } from './yaml-keys.ts'

const PROGRAMS = ['gunicorn', 'uvicorn']

function found(one: Found) {
  assert.ok('command' in one, JSON.stringify(one))
  const { command, place, directory, variables } = one
  return { command: 'text' in command ? command.text : command.words, place, directory, variables }
}

function problem(one: Found): string {
  assert.ok('problem' in one, JSON.stringify(one))
  return one.problem
}

test('a Procfile: web, or the process that is named', () => {
  const text = '# comment\nrelease: ./migrate\n\nweb: gunicorn -b :$PORT shop\nworker: celery\n'
  assert.deepEqual(found(readProcfile(text, 'Procfile', null)), {
    command: 'gunicorn -b :$PORT shop',
    place: 'Procfile:4',
    directory: null,
    variables: {},
  })
  assert.equal(found(readProcfile(text, 'Procfile', 'worker')).command, 'celery')
  assert.equal(found(readProcfile('api: gunicorn a\r\n', 'Procfile', null)).command, 'gunicorn a')
  assert.equal(
    problem(readProcfile('a: x\nb: y\n', 'Procfile', null)),
    'Procfile has no process web; it has a, b: choose one with --service NAME',
  )
})

test('a Dockerfile: the last CMD, its directory and its variables', () => {
  const text = [
    'FROM python:3.12 AS base',
    'ARG ROOT=/app',
    'ENV APP_HOME=${ROOT} PORT=8000 \\',
    '# between',
    '    NAME="two words"',
    'ENV OLD style of it',
    'WORKDIR $APP_HOME',
    'FROM node AS assets',
    'CMD ["npm", "start"]',
    'FROM base',
    'WORKDIR src',
    'CMD python manage.py migrate && \\',
    '  gunicorn -b :${PORT} shop.wsgi',
  ]
  assert.deepEqual(found(readDockerfile(text.join('\n'), 'Dockerfile')), {
    command: 'python manage.py migrate &&   gunicorn -b :${PORT} shop.wsgi',
    place: 'Dockerfile:12',
    directory: '/app/src',
    variables: { APP_HOME: '/app', PORT: '8000', NAME: 'two words', OLD: 'style of it' },
  })
})

test('a Dockerfile: ENTRYPOINT and CMD are one command', () => {
  const read = (...lines: string[]) => found(readDockerfile(['FROM a', ...lines].join('\n'), 'Dockerfile')).command
  assert.deepEqual(read('ENTRYPOINT ["gunicorn"]', 'CMD ["-w", "4", "shop"]'), ['gunicorn', '-w', '4', 'shop'])
  assert.deepEqual(read('CMD ["shop"]', 'ENTRYPOINT ["gunicorn"]'), ['gunicorn', 'shop'])
  assert.deepEqual(read('FROM a AS b', 'CMD ["x"]', 'FROM b', 'ENTRYPOINT ["gunicorn", "shop"]'), ['gunicorn', 'shop'])
  assert.equal(read('ENTRYPOINT gunicorn shop', 'CMD ["x"]'), 'gunicorn shop')
  assert.deepEqual(read('ENTRYPOINT ["/e.sh"]', 'CMD gunicorn shop'), ['/e.sh', 'sh', '-c', 'gunicorn shop'])
  assert.match(problem(readDockerfile('FROM a\n', 'Dockerfile')), /^Dockerfile has neither CMD nor ENTRYPOINT/)
})

const COMPOSE = `
x-common: &common
  restart: always
services:
  db:
    image: postgres
  web:
    <<: *common
    build: .   # here
    working_dir: /code
    command: >
      gunicorn shop.wsgi
      -b 0.0.0.0:\${PORT:-8000}
    environment:
      - DEBUG=\${DEBUG:-0}
      - PASSED
      - "NAME=two words"
    ports:
    - "80:8000"
  api:
    command: ["sh", "-c", 'uvicorn api:app --port $$PORT',
      --reload]
    environment: { A: 1 }
`

test('a compose file: the command of a service', () => {
  const web = readCompose(COMPOSE, 'compose.yml', 'web', PROGRAMS, {})
  assert.deepEqual(found(web), {
    command: ['gunicorn', 'shop.wsgi', '-b', '0.0.0.0:8000'],
    place: 'compose.yml:11',
    directory: '/code',
    variables: { DEBUG: '0', NAME: 'two words' },
  })
  assert.match('notes' in web ? web.notes.join() : '', /<< of web is not read/)
  assert.match(problem(readCompose(COMPOSE, 'compose.yml', null, PROGRAMS, {})), /several services.*\(db, web, api\)$/)
  assert.match(problem(readCompose(COMPOSE, 'compose.yml', 'db', PROGRAMS, {})), /db has no command; .*Dockerfile/)
  assert.match(
    problem(readCompose(COMPOSE, 'compose.yml', 'api', PROGRAMS, {})),
    /^compose.yml:23: has '\{ A: 1 \}', a form of YAML/,
  )
  const api = COMPOSE.replace('environment: { A: 1 }', 'environment:\n      A: 1 # one')
  assert.deepEqual(found(readCompose(api, 'compose.yml', 'api', PROGRAMS, {})).command, [
    'sh',
    '-c',
    'uvicorn api:app --port $PORT',
    '--reload',
  ])
  assert.deepEqual(found(readCompose(api, 'compose.yml', 'api', PROGRAMS, {})).variables, { A: '1' })
})

test('a variable of a command without a value is noted, one of the environment is not', () => {
  const text = 'services:\n  web:\n    command: gunicorn -b :${PORT} shop\n    environment:\n      SECRET: ${SECRET}\n'
  const read = readCompose(text, 'compose.yml', null, PROGRAMS, {})
  assert.deepEqual(read.replacing?.unset, ['PORT'])
})

/** The same values as a parser of all of YAML, or a problem. */
const VALUES: readonly string[] = [
  'a b -c d',
  'gunicorn "a b" # comment',
  '"quoted \\"x\\" \\u00e9"',
  "'it''s # no comment'",
  '[a, "b, c", \'d\', -e=f]',
  '[a,\n    b, # one\n    "c"]',
  '\n    - a\n    - "b c"\n    - -d',
  '\n  - a\n  - b',
  'a b\n    c d',
  '\n    a b\n    c',
  '|\n    a \\\n    b',
  '>-\n    a\n    b',
]
for (const value of VALUES)
  test(`YAML: ${JSON.stringify(value)}`, () => {
    const text = `before: 1\n\nat:\n  command: ${value}\n  other: 2\n`
    const command = entriesOf(entriesOf(linesOf(text)).find(({ key }) => key === 'at')!.body)[0]!
    assert.equal(command.key, 'command')
    const read = scalarOrList(command)
    const expected = parse(text).at.command
    assert.deepEqual(
      typeof read === 'string' ? read.trim() : read,
      typeof expected === 'string' ? expected.trim() : expected,
    )
  })

for (const value of ['*anchor', '&a x', '!tag x', '{a: b}', '[a, {b: c}]', '"a', '[a', '"\\x41"', '|2\n    a'])
  test(`YAML: ${value} is a problem`, () => {
    const [command] = entriesOf(linesOf(`command: ${value}\n`))
    assert.throws(() => scalarOrList(command!), /^YamlProblem|Error: 1: /)
  })

test('a unit of systemd: words, directory, variables, account', () => {
  const text = `[Unit]
ExecStart=no
[Service]
User=www-data
Group=www
Environment="NAME=two words" PORT=8000
Environment=MORE="-w 2 --threads 4"
WorkingDirectory=-/srv/shop
# ExecStart=old
ExecStart=-/srv/shop/venv/bin/gunicorn $MORE \\
  # between
  --bind 0.0.0.0:\${PORT} --access-logformat '%%(h)s $$' shop.wsgi
`
  const unit = readUnit(text, 'shop.service', { PORT: '1' })
  assert.ok('command' in unit)
  assert.deepEqual(found(unit), {
    command: [
      '/srv/shop/venv/bin/gunicorn',
      '-w',
      '2',
      '--threads',
      '4',
      '--bind',
      '0.0.0.0:8000',
      '--access-logformat',
      '%(h)s $',
      'shop.wsgi',
    ],
    place: 'shop.service:10',
    directory: '/srv/shop',
    variables: { NAME: 'two words', PORT: '8000', MORE: '-w 2 --threads 4' },
  })
  assert.deepEqual([unit.user, unit.group, unit.notes], ['www-data', 'www', []])
  const odd = readUnit(
    '[Service]\nExecStart=gunicorn -b unix:%t/a.sock a\nEnvironmentFile=/etc/a\nType=notify\n',
    'a.service',
    {},
  )
  assert.equal('notes' in odd && odd.notes.length, 3)
  assert.equal(problem(readUnit('[Unit]\n', 'a.service', {})), 'a.service has no ExecStart in [Service]')
})
