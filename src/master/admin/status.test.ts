import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadedApplication, TrafficReport } from '../../control/messages.ts'
import { type AppView, describeStatus, type ProgramView, pidsOf, type Told, type WorkerView } from './status.ts'

const LOADED: LoadedApplication = {
  python: '3.13.1',
  application: 'shop.wsgi:application',
  framework: 'Django 5.2.1',
  importMs: 100,
  interface: 'wsgi',
  static: null,
}

function worker(id: number, changes: Partial<WorkerView> = {}): WorkerView {
  return { id, pid: 100 + id, pool: '', generation: 1, phase: 'linked', fault: null, startedAt: 1000, ...changes }
}

function app(changes: Partial<AppView> = {}): AppView {
  return {
    name: 'shop',
    path: '/shop',
    hosts: [],
    target: 'shop.wsgi',
    serving: 1,
    next: null,
    application: LOADED,
    problem: '',
    isBackingOff: false,
    pools: [{ name: '', paths: [], wanted: 2 }],
    workers: [worker(1), worker(2)],
    preloaders: [50],
    ...changes,
  }
}

function program(apps: readonly AppView[], changes: Partial<ProgramView> = {}): ProgramView {
  return {
    pid: 1,
    startedAt: 0,
    isStopping: false,
    listeners: ['http://127.0.0.1:8000'],
    logLevel: 'info',
    certificates: [],
    upstreams: [],
    gateway: { pid: 2, startedAt: 500, listeningSince: 600 },
    apps,
    ...changes,
  }
}

const REPORT: TrafficReport = {
  connections: 5,
  http2Connections: 2,
  streams: 9,
  upstreams: [],
  pools: [
    { app: 'shop', pool: '', waiting: 1, answered: 100, perSecond: 2.5 },
    { app: 'shop', pool: 'export', waiting: 2, answered: 3, perSecond: 0.1 },
    { app: 'other', pool: '', waiting: 7, answered: 9, perSecond: 9 },
  ],
  workers: [
    {
      worker: 1,
      answered: 60,
      running: 1,
      requests: [{ id: 'a', method: 'GET', path: '/', state: 'running', milliseconds: 3 }],
    },
    { worker: 9, answered: 1, running: 4, requests: [] },
  ],
}
const TOLD: Told = {
  report: REPORT,
  usage: new Map([
    [1, { memory: 10, cpu: 1 }],
    [2, { memory: 20, cpu: 0.5 }],
    [50, { memory: 30, cpu: null }],
    [101, { memory: 40, cpu: 7 }],
  ]),
  now: 11_040,
  date: Date.parse('2027-01-01T00:00:00Z'),
}
const SILENT: Told = { report: null, usage: new Map(), now: 11_040, date: 0 }
const stateOf = (changes: Partial<AppView>, of: Partial<ProgramView> = {}) =>
  describeStatus(program([app(changes)], of), SILENT).apps[0]!.state

test('each fact is at its application and at its worker', () => {
  const status = describeStatus(program([app()]), TOLD)
  assert.deepEqual([status.state, status.age, status.memory, status.cpu], ['ready', 11, 100, 8.5])
  assert.deepEqual(status.gateway, {
    pid: 2,
    state: 'listening',
    age: 10.5,
    memory: 20,
    cpu: 0.5,
    traffic: { connections: 5, http2Connections: 2, streams: 9, running: 5, waiting: 10 },
  })
  const [shop] = status.apps
  assert.deepEqual(
    [shop!.memory, shop!.cpu, shop!.framework, shop!.target],
    [70, 7, 'Django 5.2.1', 'shop.wsgi:application'],
  )
  assert.deepEqual(shop!.traffic, { running: 1, waiting: 3, answered: 103, perSecond: 2.6 })
  assert.deepEqual(shop!.pools, [{ name: '', paths: [], wanted: 2, serving: 2, waiting: 1 }])
  assert.deepEqual(shop!.workers[0]!.traffic, { answered: 60, running: 1, requests: REPORT.workers[0]!.requests })
  assert.deepEqual([shop!.workers[1]!.traffic, shop!.workers[1]!.memory], [null, null])
})

test('certificates: those with a problem first, then those that end first', () => {
  const certificate = (name: string, validTo: string, problem = '') => ({
    names: [name],
    validTo: Date.parse(validTo),
    problem,
  })
  const certificates = [
    certificate('late', '2027-03-01T00:00:00Z'),
    certificate('old', '2026-12-31T12:00:00Z'),
    certificate('soon', '2027-01-03T12:00:00Z'),
    certificate('wrong', '2028-01-01T00:00:00Z', 'it is the key of another certificate'),
  ]
  const described = describeStatus(program([app()], { certificates }), TOLD).certificates!
  assert.deepEqual(
    described.map(({ names, daysLeft }) => [names[0], daysLeft]),
    [
      ['wrong', 365],
      ['old', -1],
      ['soon', 2],
      ['late', 59],
    ],
  )
  assert.deepEqual(described[0], {
    names: ['wrong'],
    validTo: '2028-01-01T00:00:00.000Z',
    daysLeft: 365,
    problem: 'it is the key of another certificate',
  })
  const many = Array.from({ length: 500 }, (_, i) => certificate(`${i}`, '2027-03-01T00:00:00Z'))
  assert.equal(describeStatus(program([app()], { certificates: many }), TOLD).certificates!.length, 200)
})

test('without the gateway and the kernel the rest is there', () => {
  const status = describeStatus(program([app()], { gateway: null }), SILENT)
  assert.equal(status.gateway, null)
  assert.deepEqual([status.memory, status.apps[0]!.traffic, status.apps[0]!.pools[0]!.waiting], [null, null, null])
  assert.equal(status.apps[0]!.workers.length, 2)
})

test('the states of an application', () => {
  assert.equal(stateOf({}), 'ready')
  assert.equal(stateOf({ next: 2 }), 'reloading')
  assert.equal(stateOf({ serving: null, next: 1, workers: [] }), 'starting')
  assert.equal(stateOf({ workers: [worker(1, { phase: 'starting' })] }), 'failing')
  assert.equal(stateOf({ isBackingOff: true }), 'failing')
  assert.equal(stateOf({ serving: null, problem: 'SyntaxError' }), 'failing')
  assert.equal(stateOf({ problem: 'generation 2 was given up' }), 'ready')
  assert.equal(stateOf({}, { isStopping: true }), 'stopping')
})

test('the program is ready when every application is', () => {
  const apps = [app(), app({ name: 'api', serving: null, next: 1, workers: [] })]
  assert.equal(describeStatus(program(apps), SILENT).state, 'starting')
  // It does not come by itself: "starting" would be said for ever.
  const broken = app({ name: 'old', serving: null, problem: 'SyntaxError', workers: [] })
  assert.equal(describeStatus(program([app(), broken]), SILENT).state, 'failing')
  assert.equal(describeStatus(program([broken], { isStopping: true }), SILENT).state, 'stopping')
})

test('the states of a worker', () => {
  const of = (changes: Partial<WorkerView>) =>
    describeStatus(program([app({ serving: 2, workers: [worker(1, changes)] })]), SILENT).apps[0]!.workers[0]!.state
  assert.equal(of({}), 'serving')
  assert.equal(of({ generation: 2 }), 'serving')
  assert.equal(of({ generation: 3 }), 'held')
  assert.equal(of({ fault: 'stuck' }), 'leaving')
  for (const phase of ['forking', 'starting', 'ready', 'linking'] as const) assert.equal(of({ phase }), 'starting')
  assert.equal(of({ phase: 'warming' }), 'warming')
  assert.equal(of({ phase: 'draining' }), 'draining')
  for (const phase of ['drained', 'stopping', 'killing'] as const) assert.equal(of({ phase }), 'leaving')
})

test('every process is measured once', () => {
  const view = program([app({ workers: [worker(1), worker(2, { pid: null })] })])
  assert.deepEqual(pidsOf(view), [1, 2, 50, 101])
})
