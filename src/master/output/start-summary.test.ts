import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp, testConfig } from '../../config/testing/config.ts'
import { summarizeApplication, summarizeProgram } from './start-summary.ts'

const APP = {
  module: 'shop',
  file: null,
  attributes: ['app'],
  factory: false,
  paste: null,
  display: 'shop:app',
  found: '',
}
const STARTED = {
  headline: 'Jumak 0.1.0, process 7',
  message: 'started',
  facts: [
    { label: 'address', text: 'http://127.0.0.1:8000' },
    { label: '', text: 'unix:/run/shop.sock' },
    { label: 'trusted', text: 'unix' },
    { label: 'static', text: '/a/ from /srv/a' },
  ],
  fields: { pid: 7 },
}
const LOADED = {
  headline: '',
  message: 'loaded',
  facts: [
    { label: 'application', text: 'shop:app, Django 5.2' },
    { label: 'Python', text: '3.13.0, /srv/.venv/bin/python' },
    { label: 'workers', text: '2 × 1 thread (auto: 2 cores)' },
    { label: 'preload', text: 'imported once in 9 ms, workers are forked from it' },
    { label: 'static', text: '/static/ from /srv/static (STATIC_ROOT)' },
  ],
  fields: { workers: 2 },
}

function generation(changes: object): Parameters<typeof summarizeApplication>[1] {
  const application = { framework: 'Django 5.2', python: '3.13.0', interface: 'wsgi' }
  const python = { reason: ".venv in the application's directory" }
  return { application, python, preload: 'auto', ...changes } as unknown as Parameters<typeof summarizeApplication>[1]
}

test('the first line has the process, every address, and what is served', () => {
  const told = summarizeProgram(STARTED, testConfig({ apps: [testApp({ target: APP })] }))
  assert.equal(told.headline, 'Jumak 0.1.0, process 7, on http://127.0.0.1:8000, unix:/run/shop.sock: serving shop:app')
  assert.deepEqual(told.facts, [{ label: 'static', text: '/a/ from /srv/a' }])
  assert.deepEqual([told.message, told.fields], ['started', { pid: 7 }])
})

test('the first line says how the application was found, when nobody named it', () => {
  const found = "found app.py with 'app', serving app:app"
  assert.match(
    summarizeProgram(STARTED, testConfig({ apps: [testApp({ target: { ...APP, found } })] })).headline,
    /sock: found app\.py with 'app', serving app:app$/,
  )
})

test('without an application the first line says how many sites there are', () => {
  const told = summarizeProgram(STARTED, testConfig({ apps: [] }))
  assert.match(told.headline, /sock: 0 sites, no application$/)
  assert.deepEqual(told.facts, [])
})

test('more than one thread of the gateway is told, with its reason if nobody gave the number', () => {
  const apps = [testApp({ target: APP })]
  const gateway = (gatewayThreads: number, gatewayThreadsReason: string) =>
    summarizeProgram(STARTED, testConfig({ apps, gatewayThreads, gatewayThreadsReason })).facts[0]
  assert.deepEqual(gateway(3, 'auto: 12 cores'), { label: 'gateway', text: '3 threads (auto: 12 cores)' })
  assert.deepEqual(gateway(2, ''), { label: 'gateway', text: '2 threads' })
  assert.equal(gateway(1, 'auto: 4 cores')!.label, 'static')
})

test('of several applications the first lines say where each is, and what', () => {
  const found = "found app.py with 'app', serving app:app"
  const apps = [
    testApp({ name: 'shop', path: '/shop', target: APP }),
    testApp({ name: 'api', hosts: ['api.example.kr'], target: { ...APP, found } }),
    testApp({ name: 'v1', path: '/v1', hosts: ['a.kr', 'b.kr'], target: APP }),
  ]
  const told = summarizeProgram(STARTED, testConfig({ apps }))
  assert.match(told.headline, /sock: 3 applications$/)
  assert.deepEqual(
    told.facts.map(({ label, text }) => `${label}: ${text}`),
    [
      'shop: /shop            serving shop:app',
      `api: api.example.kr   ${found}`,
      'v1: a.kr/v1, b.kr/v1 serving shop:app',
    ],
  )
})

test('the second line has what it runs on and its workers; the third has static files', () => {
  assert.deepEqual(summarizeApplication(LOADED, generation({})).facts, [
    {
      label: 'WSGI',
      text: 'Django 5.2, Python 3.13.0 (.venv), imported once, workers 2 × 1 thread (auto: 2 cores)',
    },
    { label: 'static', text: '/static/ from /srv/static (STATIC_ROOT)' },
  ])
})

test('without a framework, and with preload off', () => {
  const application = { framework: '', python: '3.9.1', interface: 'asgi' }
  const python = { reason: 'python3 on PATH' }
  const [made] = summarizeApplication(LOADED, generation({ application, python, preload: 'off' })).facts
  assert.equal(made!.label, 'ASGI')
  assert.match(made!.text, /^Python 3\.9\.1 \(python3 on PATH\), imported by each worker, workers 2/)
})
