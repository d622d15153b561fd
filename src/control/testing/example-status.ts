/** A program with three applications, in the middle of its day. */
import type { AppStatus, ProgramStatus, RunningRequest, WorkerStatus } from '../admin-messages.ts'

const MB = 1024 * 1024

export function exampleWorker(number: number, changes: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    number,
    pid: 4000 + number,
    pool: '',
    generation: 1,
    state: 'serving',
    age: 11_000,
    memory: 42 * MB,
    cpu: 2,
    traffic: { answered: 3120, running: 0, requests: [] },
    ...changes,
  }
}

export function exampleRequest(changes: Partial<RunningRequest> = {}): RunningRequest {
  return { id: 'k3f9x2ab-1z', method: 'GET', path: '/shop/checkout/', state: 'running', milliseconds: 1234, ...changes }
}

export function exampleApp(name: string, changes: Partial<AppStatus> = {}): AppStatus {
  return {
    name,
    path: `/${name}`,
    hosts: [],
    target: `${name}.wsgi:application`,
    state: 'ready',
    problem: '',
    generation: 1,
    nextGeneration: null,
    framework: 'Django 5.2.1',
    python: '3.13.1',
    interface: 'wsgi',
    memory: 168 * MB,
    cpu: 8,
    traffic: { running: 1, waiting: 0, answered: 12_480, perSecond: 12.3 },
    pools: [{ name: '', paths: [], wanted: 4, serving: 4, waiting: 0 }],
    workers: [1, 2, 3, 4].map(number => exampleWorker(number)),
    ...changes,
  }
}

export function exampleStatus(changes: Partial<ProgramStatus> = {}): ProgramStatus {
  const shop = exampleApp('shop', {
    workers: [
      exampleWorker(1, { traffic: { answered: 3120, running: 1, requests: [exampleRequest()] } }),
      ...[2, 3].map(number => exampleWorker(number)),
      exampleWorker(4, {
        pool: 'export',
        traffic: {
          answered: 9,
          running: 1,
          requests: [exampleRequest({ path: '/shop/export/all', milliseconds: 95_000 })],
        },
      }),
    ],
    pools: [
      { name: '', paths: [], wanted: 3, serving: 3, waiting: 0 },
      { name: 'export', paths: ['/export/'], wanted: 1, serving: 1, waiting: 2 },
    ],
  })
  const api = exampleApp('api', {
    hosts: ['api.example.kr'],
    path: '',
    target: 'api:app',
    framework: 'FastAPI 0.115.0',
    interface: 'asgi',
    state: 'reloading',
    generation: 2,
    nextGeneration: 3,
    workers: [
      exampleWorker(5, { generation: 2 }),
      exampleWorker(9, { generation: 3, state: 'held', traffic: null, age: 3 }),
    ],
  })
  const admin = exampleApp('admin', {
    state: 'failing',
    problem: 'worker 7 exited with code 1 after 120 ms; 4 died early in a row, the next is started in 8 s',
    traffic: { running: 0, waiting: 3, answered: 0, perSecond: 0 },
    pools: [{ name: '', paths: [], wanted: 2, serving: 0, waiting: 3 }],
    workers: [],
    memory: null,
    cpu: null,
  })
  return {
    version: '0.1.0',
    pid: 4711,
    state: 'ready',
    age: 11_040,
    listeners: ['http://127.0.0.1:8000'],
    logLevel: 'info',
    memory: 512 * MB,
    cpu: 21.5,
    gateway: {
      pid: 4720,
      state: 'listening',
      age: 11_039,
      memory: 84 * MB,
      cpu: 3,
      traffic: { connections: 12, running: 2, waiting: 3 },
    },
    apps: [shop, api, admin],
    ...changes,
  }
}
