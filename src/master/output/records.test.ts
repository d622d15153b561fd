import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Records } from './records.ts'

/** Records with their request, as `[id] text`. */
function collect(t: TestContext): { records: Records; seen: string[]; pass: (ms: number) => void } {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const seen: string[] = []
  const records = new Records((message, request) => seen.push(request === '' ? message : `[${request}] ${message}`))
  return { records, seen, pass: ms => t.mock.timers.tick(ms) }
}

const feed = (records: Records, ...lines: string[]) => {
  for (const line of lines) records.line(line, false)
}
const mark = (kind: '=' | '>' | '~', id: string, text: string) => `\x1f${kind}${id}\x1f${text}`
const TRACEBACK = ['Traceback (most recent call last):', '  File "a.py", line 1, in f', '    g()', 'ValueError: bad']

test('an ordinary line is passed on at once, with its request', t => {
  const { records, seen } = collect(t)
  feed(records, 'one', '  indented', '', mark('=', 'r-1', 'two'), mark('=', '', 'three'))
  assert.deepEqual(seen, ['one', '  indented', '', '[r-1] two', 'three'])
})

test('a traceback that comes line by line is one record, and the next line another', t => {
  const { records, seen } = collect(t)
  feed(records, 'before', ...TRACEBACK, 'after')
  assert.deepEqual(seen, ['before', TRACEBACK.join('\n'), 'after'])
})

test('a dump of all threads by faulthandler is one record', t => {
  const { records, seen, pass } = collect(t)
  const dump = [
    'Thread 0x00007f0000000001 [slot] (most recent call first):',
    '  File "a.py", line 1 in f',
    '',
    'Current thread 0x00007f0000000002 (most recent call first):',
    '  <no Python frame>',
  ]
  feed(records, 'before', ...dump, 'after')
  assert.deepEqual(seen, ['before', dump.join('\n'), 'after'])
  feed(records, ...dump)
  pass(20)
  pass(20)
  assert.equal(seen.at(-1), dump.join('\n'))
})

test('silence ends a record', t => {
  const { records, seen, pass } = collect(t)
  feed(records, ...TRACEBACK)
  pass(10)
  assert.deepEqual(seen, [])
  pass(20)
  pass(20)
  assert.deepEqual(seen, [TRACEBACK.join('\n')])
})

test('a traceback whose last line comes late is one record, and one that never ends is written after half a second', t => {
  const { records, seen, pass } = collect(t)
  feed(records, ...TRACEBACK.slice(0, 2))
  for (let i = 0; i < 20; i++) pass(20)
  feed(records, ...TRACEBACK.slice(2), 'after')
  assert.deepEqual(seen, [TRACEBACK.join('\n'), 'after'])
  feed(records, TRACEBACK[0]!)
  for (let i = 0; i < 25; i++) pass(20)
  assert.equal(seen.length, 2)
  pass(20)
  assert.equal(seen.at(-1), TRACEBACK[0])
})

test('chained exceptions belong together', t => {
  const { records, seen } = collect(t)
  const cause = 'The above exception was the direct cause of the following exception:'
  const during = 'During handling of the above exception, another exception occurred:'
  const chain = [...TRACEBACK, '', cause, '', ...TRACEBACK, '', during, '', ...TRACEBACK]
  feed(records, ...chain, '', 'after')
  assert.deepEqual(seen, [chain.join('\n'), 'after'])
})

test('an exception group is one record: its lines are indented', t => {
  const { records, seen } = collect(t)
  const group = [
    '  + Exception Group Traceback (most recent call last):',
    '  |   File "a.py", line 1, in <module>',
    '  | ExceptionGroup: two (2 sub-exceptions)',
    '  +-+---------------- 1 ----------------',
    '    | ValueError: 1',
    '    +------------------------------------',
  ]
  feed(records, ...group, 'after')
  assert.deepEqual(seen, [group.join('\n'), 'after'])
})

test('tracebacks of two requests in one worker do not mix, even when their lines do', t => {
  const { records, seen } = collect(t)
  TRACEBACK.forEach((line, i) => {
    feed(records, mark('=', 'a', line), mark('=', 'b', line), `raw ${i}`)
  })
  feed(records, mark('=', 'a', 'done a'), mark('=', 'b', 'done b'))
  const whole = TRACEBACK.join('\n')
  assert.deepEqual(seen, [
    ...['raw 0', 'raw 1', 'raw 2', 'raw 3'],
    ...[`[a] ${whole}`, '[a] done a', `[b] ${whole}`, '[b] done b'],
  ])
})

test('the output of one call is one record, whatever its text', t => {
  const { records, seen } = collect(t)
  feed(
    records,
    mark('>', 'a', 'ERROR x'),
    mark('>', 'a', TRACEBACK[0]!),
    mark('>', 'a', '  File'),
    mark('=', 'a', 'E: x'),
  )
  feed(records, mark('=', 'a', 'next'))
  assert.deepEqual(seen, [`[a] ERROR x\n${TRACEBACK[0]}\n  File\nE: x`, '[a] next'])
})

test('a line without an end goes on with the next line of its request, or ends with the stream', t => {
  const { records, seen } = collect(t)
  feed(records, mark('~', 'a', 'one '), 'raw', mark('~', 'b', 'x'), mark('~', 'a', 'two '), mark('=', 'a', 'three'))
  assert.deepEqual(seen, ['raw', '[a] one two three'])
  records.end()
  assert.deepEqual(seen.slice(2), ['[b] x'])
})

test('a mark after a line without an end, which a subprocess printed, divides the two', t => {
  const { records, seen } = collect(t)
  feed(records, `50 %${mark('=', 'a', 'hello')}`)
  assert.deepEqual(seen, ['50 %', '[a] hello'])
})

test('text that only looks like a mark stays text', t => {
  const { records, seen } = collect(t)
  const lines = ['\x1f', '\x1f\x1f', '\x1f=a b\x1fx', `\x1f=${'a'.repeat(129)}\x1fx`, '\x1f?a\x1fx']
  feed(records, ...lines)
  assert.deepEqual(seen, lines)
})

test('a line that was cut keeps its request to its end', t => {
  const { records, seen } = collect(t)
  records.line(mark('=', 'a', 'begin …'), true)
  records.line('middle …', true)
  records.line('end', false)
  feed(records, 'raw')
  assert.deepEqual(seen, ['[a] begin …\nmiddle …\nend', 'raw'])
})

test('an endless traceback is written in parts: 200 lines, or 64 KiB', t => {
  const { records, seen } = collect(t)
  feed(records, TRACEBACK[0]!, ...Array.from({ length: 450 }, (_, i) => `  ${i}`), 'E')
  records.end()
  assert.deepEqual(
    seen.map(text => text.split('\n').length),
    [200, 200, 52],
  )
  seen.length = 0
  feed(records, TRACEBACK[0]!, ...Array.from({ length: 10 }, () => `  ${'x'.repeat(16_000)}`), 'E')
  records.end()
  assert.ok(seen.length > 1 && seen.every(text => text.length < 85_000))
})

test('many requests with open records, and lines without an end, are bounded; none is lost', t => {
  const { records, seen } = collect(t)
  for (let i = 0; i < 200; i++) feed(records, mark('=', `t${i}`, TRACEBACK[0]!), mark('~', `u${i}`, 'part'))
  assert.ok(seen.length >= 2 * (200 - 65), `${seen.length}`)
  records.end()
  assert.equal(seen.length, 400)
})

test('every line comes out exactly once, in its request in order', t => {
  const { records, seen } = collect(t)
  const text = fc.constantFrom(...TRACEBACK, '', 'plain', 'During handling of the above exception, x')
  const line = fc.tuple(fc.constantFrom('=', '>') as fc.Arbitrary<'=' | '>'>, fc.constantFrom('a', 'b'), text)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), lines => {
      seen.length = 0
      lines.forEach(([kind, id, words], i) => {
        records.line(mark(kind, id, words === '' ? '' : `${words} #${i}`), false)
      })
      records.end()
      for (const id of ['a', 'b']) {
        const out = seen.filter(one => one.startsWith(`[${id}] `)).flatMap(one => one.slice(4).split('\n'))
        const expected = lines.flatMap(([, owner, words], i) =>
          owner === id && words !== '' ? [`${words} #${i}`] : [],
        )
        assert.deepEqual(
          out.filter(one => one !== ''),
          expected,
        )
      }
    }),
  )
})

test('a whole record with a traceback is an error, and so is our own error message', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const levels: [boolean, string][] = []
  const records = new Records((message, _, isError) => levels.push([isError, message.split('\n', 1)[0]!]))
  const frames = Array.from({ length: 250 }, (_, i) => `  File "a.py", line ${i}, in f`)
  feed(records, 'fine', TRACEBACK[0]!, ...frames, TRACEBACK[3]!, 'after')
  feed(records, mark('>', 'r-1', 'ERROR it failed'), ...TRACEBACK.slice(0, 3).map(line => mark('>', 'r-1', line)))
  feed(records, mark('=', 'r-1', TRACEBACK[3]!))
  feed(records, JSON.stringify({ level: 'error', exc: TRACEBACK.join('\n') }), 'application error in GET /x: it broke')
  records.end()
  assert.deepEqual(
    levels.map(([isError]) => isError),
    [false, true, true, false, true, true, true],
    JSON.stringify(levels),
  )
})
