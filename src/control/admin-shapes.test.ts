import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ADMIN_VERSION } from './admin-messages.ts'
import { readAnswer, readQuestion } from './admin-shapes.ts'
import { exampleStatus } from './testing/example-status.ts'

const read = (question: object) => readQuestion(JSON.stringify({ jumak: ADMIN_VERSION, ...question }))

for (const question of [
  { command: 'status' },
  { command: 'reload' },
  { command: 'reload', app: 'shop' },
  { command: 'stop' },
  { command: 'workers', workers: 3 },
  { command: 'workers', app: 'shop', pool: 'export', workers: 3 },
  { command: 'log-level', level: 'debug' },
])
  test(`a question: ${JSON.stringify(question)}`, () => assert.deepEqual(read(question), { question }))

const WRONG: readonly (readonly [line: string, problem: RegExp])[] = [
  ['', /^a line must be one JSON object/],
  ['{"jumak":1,', /^a line must be one JSON object/],
  ['[1]', /not a list of 1$/],
  ['null', /not null$/],
  ['{}', /^this program speaks version 1 \(field "jumak"\), not undefined$/],
  ['{"jumak":"1","command":"stop"}', /speaks version 1/],
  ['{"jumak":2,"command":"stop","more":1}', /speaks version 1 .*not 2$/],
  [
    '{"jumak":1}',
    /^there is no command undefined; there are status, reload, upgrade, stop, workers, log-level, upstream$/,
  ],
  ['{"jumak":1,"command":"toString"}', /^there is no command "toString"/],
  ['{"jumak":1,"command":"__proto__"}', /^there is no command/],
  ['{"jumak":1,"command":"stop","now":true}', /^stop has no field "now"$/],
  ['{"jumak":1,"command":"reload","apps":["a"]}', /^reload has no field "apps"; it has app$/],
  ['{"jumak":1,"command":"reload","app":7}', /^app of reload must be text of 64 characters at most, not 7$/],
  ['{"jumak":1,"command":"workers"}', /^workers of workers must be a whole number from 1 to 1024, not undefined$/],
  ['{"jumak":1,"command":"workers","workers":0}', /from 1 to 1024, not 0$/],
  ['{"jumak":1,"command":"workers","workers":1.5}', /from 1 to 1024/],
  ['{"jumak":1,"command":"workers","app":null,"workers":1}', /^app of workers must be text/],
  ['{"jumak":1,"command":"log-level","level":"loud"}', /one of debug, info, warn, error, not "loud"$/],
]
for (const [line, problem] of WRONG)
  test(`refused: ${line}`, () => {
    const result = readQuestion(line)
    assert.ok('problem' in result)
    assert.match(result.problem, problem)
  })

test('whatever comes, it is a question or has a problem', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map(one => JSON.stringify({ jumak: 1, ...one })),
      ),
      line => {
        const result = readQuestion(line)
        assert.ok('problem' in result ? result.problem.length > 0 : 'command' in result.question)
      },
    ),
  )
})

test('a status is an answer, and a field that is new is no problem', () => {
  const certificate = { names: ['a.kr'], validTo: '2027-02-28T09:30:00.000Z', daysLeft: -1, problem: '' }
  const answer = {
    ...{ jumak: 1, ok: true, command: 'status', temperature: 7 },
    ...exampleStatus({ certificates: [certificate] }),
  }
  assert.deepEqual(readAnswer(JSON.stringify(answer)), { answer })
})

test('the version of an answer is looked at first', () => {
  assert.deepEqual(readAnswer('{"jumak":2,"ok":true}'), { problem: 'version 2 of the answers; this client knows 1' })
})

test('a wrong field of a status is named with its place', () => {
  const wrong = JSON.parse(JSON.stringify({ jumak: 1, ok: true, command: 'status', ...exampleStatus() }))
  wrong.apps[0].workers[0].pid = 'many'
  assert.deepEqual(readAnswer(JSON.stringify(wrong)), {
    problem: `'apps[0].workers[0].pid', which is "many" and should be a whole number from 1 to 2147483647`,
  })
})

for (const line of [
  '',
  '7',
  'null',
  '{"jumak":1}',
  '{"jumak":1,"ok":false}',
  '{"jumak":1,"ok":true,"command":"x","message":"m"}',
])
  test(`no answer: ${line}`, () => assert.ok('problem' in readAnswer(line)))
