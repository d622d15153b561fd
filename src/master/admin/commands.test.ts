import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminQuestion } from '../../control/admin-messages.ts'
import { exampleStatus } from '../../control/testing/example-status.ts'
import { type AdminTarget, answerCommands } from './commands.ts'

interface Recorded extends AdminTarget {
  readonly calls: string[]
}

function fakeTarget(apps: readonly string[]): Recorded {
  const calls: string[] = []
  const done = (call: string) => {
    calls.push(call)
    return { message: call }
  }
  return {
    calls,
    apps: () => apps.map(name => ({ name, pools: name === 'shop' ? ['export'] : [] })),
    status: async () => {
      calls.push('status')
      return exampleStatus()
    },
    reload: async app => done(`reload ${app}`),
    upgrade: async () => done('upgrade'),
    stop: () => done('stop'),
    setWorkers: (app, pool, count) => done(`workers ${app} '${pool}' ${count}`),
    setLogLevel: level => done(`log-level ${level}`),
    upstream: async ({ action }) => done(`upstream ${action}`),
  }
}

const fail = (error: unknown) => assert.fail(String(error))

async function ask(target: AdminTarget, question: AdminQuestion) {
  const answer = await answerCommands(target, fail)(question, () => {})
  return 'message' in answer ? answer.message : 'error' in answer ? answer.error : answer
}

const RIGHT: readonly (readonly [apps: string[], question: AdminQuestion, call: string])[] = [
  [['shop', 'api'], { command: 'reload' }, 'reload null'],
  [['shop', 'api'], { command: 'reload', app: 'api' }, 'reload api'],
  [['default'], { command: 'upgrade' }, 'upgrade'],
  [['default'], { command: 'stop' }, 'stop'],
  [['default'], { command: 'workers', workers: 3 }, "workers default '' 3"],
  [['shop', 'api'], { command: 'workers', app: 'api', workers: 3 }, "workers api '' 3"],
  [['shop', 'api'], { command: 'workers', app: 'shop', pool: 'export', workers: 3 }, "workers shop 'export' 3"],
  [['shop'], { command: 'workers', pool: 'export', workers: 3 }, "workers shop 'export' 3"],
  [['default'], { command: 'log-level', level: 'debug' }, 'log-level debug'],
]
for (const [apps, question, call] of RIGHT)
  test(`${JSON.stringify(question)} with ${apps.join(' and ')}`, async () => {
    const target = fakeTarget(apps)
    assert.equal(await ask(target, question), call)
    assert.deepEqual(target.calls, [call])
  })

const WRONG: readonly (readonly [question: AdminQuestion, error: string])[] = [
  [{ command: 'reload', app: 'shpo' }, "there is no application 'shpo'; did you mean shop?"],
  [{ command: 'reload', app: 'website' }, "there is no application 'website'; the applications are shop, api"],
  [{ command: 'reload', app: '' }, "there is no application ''; the applications are shop, api"],
  [{ command: 'workers', workers: 3 }, 'workers needs the name of an application: shop, api'],
  [{ command: 'workers', app: 'x-y-z', workers: 3 }, "there is no application 'x-y-z'; the applications are shop, api"],
  [
    { command: 'workers', app: 'shop', pool: 'exprot', workers: 3 },
    "the application shop has no pool 'exprot'; did you mean export?",
  ],
  [{ command: 'workers', app: 'api', pool: 'export', workers: 3 }, "the application api has no pool 'export'"],
]
for (const [question, error] of WRONG)
  test(`${JSON.stringify(question)} is answered, not obeyed`, async () => {
    const target = fakeTarget(['shop', 'api'])
    assert.equal(await ask(target, question), error)
    assert.deepEqual(target.calls, [])
  })

test('several who ask for the status at the same time get one', async () => {
  const target = fakeTarget(['shop'])
  const answer = answerCommands(target, fail)
  const [first, second] = await Promise.all([1, 2].map(() => answer({ command: 'status' }, () => {})))
  assert.deepEqual(first, second)
  assert.deepEqual(first, { jumak: 1, ok: true, command: 'status', ...exampleStatus() })
  assert.equal(target.calls.length, 1)
  await answer({ command: 'status' }, () => {})
  assert.equal(target.calls.length, 2)
})

test('a bug of ours is an answer, and is told', async () => {
  const bugs: unknown[] = []
  const broken = { ...fakeTarget(['shop']), status: () => Promise.reject(new Error('oops')) }
  const answer = await answerCommands(broken, error => bugs.push(error))({ command: 'status' }, () => {})
  assert.equal('ok' in answer && answer.ok, false)
  assert.equal(bugs.length, 1)
})
