import assert from 'node:assert/strict'
import { test } from 'node:test'
import { programOf } from './programs.ts'

for (const [line, program, rest, python] of [
  ['gunicorn -w 2 shop.wsgi', 'gunicorn', '-w 2 shop.wsgi', null],
  ['python -m uvicorn shop:app', 'uvicorn', 'shop:app', null],
  ['python3 -m gunicorn shop', 'gunicorn', 'shop', null],
  ['venv/bin/python -m fastapi run', 'fastapi', 'run', 'venv/bin/python'],
  ['/usr/bin/python3.11 -m uvicorn shop:app', 'uvicorn', 'shop:app', '/usr/bin/python3.11'],
  ['python3.12 -m uvicorn shop:app', 'uvicorn', 'shop:app', 'python3.12'],
  ['/srv/venv/bin/gunicorn shop.wsgi', 'gunicorn', 'shop.wsgi', '/srv/venv'],
  ['venv/bin/uvicorn shop:app', 'uvicorn', 'shop:app', 'venv'],
  ['/usr/bin/gunicorn shop.wsgi', 'gunicorn', 'shop.wsgi', null],
] as const)
  test(`jumak ${line} is ${program}`, () => {
    assert.deepEqual(programOf(line.split(' '), null), { program, rest: rest.split(' '), python })
  })

test('a link has the name of a program', () => {
  assert.deepEqual(programOf(['shop'], '/usr/local/bin/gunicorn'), {
    program: 'gunicorn',
    rest: ['shop'],
    python: null,
  })
})

for (const line of [
  'shop.wsgi',
  'python',
  'python -m',
  'python -m shop',
  'gunicorn:app',
  './gunicorn',
  'apps/uvicorn',
  'python3 gunicorn',
])
  test(`jumak ${line} is ours`, () => assert.equal(programOf(line.split(' '), null), null))
