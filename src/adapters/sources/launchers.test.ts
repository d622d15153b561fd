import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOTHING_SAID } from './found.ts'
import { findServer, type ServerCommand } from './launchers.ts'
import { Replacing } from './variables.ts'

const PROGRAMS = ['gunicorn', 'uvicorn', 'fastapi']

function find(command: string | readonly string[]): ReturnType<typeof findServer> {
  const given = typeof command === 'string' ? { text: command } : { words: command }
  return findServer({ ...NOTHING_SAID, command: given, place: '' }, PROGRAMS, new Replacing({ PORT: '5000' }))
}

/** Line → program and words, and what else was found. */
const CASES: readonly (readonly [line: string, words: string, more?: Partial<ServerCommand>])[] = [
  ['gunicorn -w 4 shop', 'gunicorn -w 4 shop'],
  ['exec gunicorn shop', 'gunicorn shop'],
  ['python -m uvicorn shop:app --port $PORT', 'uvicorn shop:app --port 5000'],
  ['python3.12 -u -X dev -m gunicorn shop', 'gunicorn shop'],
  ['/srv/venv/bin/python -m gunicorn shop', 'gunicorn shop', { python: '/srv/venv/bin/python' }],
  ['/srv/venv/bin/gunicorn shop', 'gunicorn shop', { python: '/srv/venv' }],
  ['/usr/local/bin/gunicorn shop', 'gunicorn shop'],
  ['poetry run gunicorn shop', 'gunicorn shop'],
  ['pipenv run gunicorn shop', 'gunicorn shop'],
  ['uv run --no-dev --with psycopg gunicorn shop', 'gunicorn shop'],
  ['uv run fastapi run shop.py', 'fastapi run shop.py'],
  ['env X=1 Y="a b" gunicorn shop', 'gunicorn shop', { variables: { X: '1', Y: 'a b' } }],
  ['X=1 exec gunicorn shop', 'gunicorn shop', { variables: { X: '1' } }],
  ['export X=1; gunicorn shop', 'gunicorn shop', { variables: { X: '1' } }],
  ['newrelic-admin run-program gunicorn shop', 'gunicorn shop'],
  ['cd /srv && cd shop && gunicorn shop', 'gunicorn shop', { directory: '/srv/shop' }],
  ['sh -c "cd /srv; exec gunicorn -b :\\$PORT shop"', 'gunicorn -b :5000 shop', { directory: '/srv' }],
  ['tini -g -- gunicorn shop', 'gunicorn shop'],
  ['gosu www-data gunicorn shop', 'gunicorn shop', { user: 'www-data' }],
  ['/entrypoint.sh gunicorn shop', 'gunicorn shop'],
  ['set -e; python manage.py migrate && gunicorn shop', 'gunicorn shop'],
]

for (const [line, words, more = {}] of CASES)
  test(`${line}: ${words}`, () => {
    const found = find(line)
    assert.ok('program' in found, JSON.stringify(found))
    assert.equal([found.program, ...found.words].join(' '), words)
    const { variables, directory, python, user } = found
    assert.deepEqual(
      { variables, directory, python, user },
      { variables: {}, directory: null, python: null, user: null, ...more },
    )
  })

test('what stays in front, beside or behind jumak is told', () => {
  const found = find('python manage.py migrate --secret x && newrelic-admin run-program gunicorn shop "$@" > out.log')
  assert.deepEqual('notes' in found && found.notes, [
    'newrelic-admin run-program stays in front, as in newrelic-admin run-program jumak',
    "'python manage.py migrate' stays where it is, beside jumak",
    'what it writes went to out.log: that stays where it is, behind jumak',
    '"$@" or $* stands in it: words that are given there are not in this file',
  ])
})

test('words of a program are not replaced: no shell reads them', () => {
  const found = find(['gunicorn', '-b', ':$PORT', 'shop'])
  assert.deepEqual('words' in found && found.words, ['-b', ':$PORT', 'shop'])
})

for (const [line, problem] of [
  ['daphne shop.asgi', 'starts daphne, and only the command lines of gunicorn, uvicorn, fastapi are understood'],
  ['python manage.py runserver', 'starts python, and only'],
  ['bash start.sh', 'runs bash start.sh, and scripts are not read'],
  ['gunicorn -w $(nproc) shop', 'has $(, which only a shell knows: give the command as words instead'],
  ['', 'has no command'],
] as const)
  test(`'${line}' ${problem}`, () => {
    const found = find(line)
    assert.ok('problem' in found && found.problem.startsWith(problem), JSON.stringify(found))
  })
