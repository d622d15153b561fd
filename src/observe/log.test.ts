import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log } from './log.ts'
import type { Sink } from './sink.ts'

function collect(): { sink: Sink; text: () => string } {
  const parts: string[] = []
  return { sink: { write: (text: string) => parts.push(text) } as unknown as Sink, text: () => parts.join('') }
}

test('a line has time, level, source and message', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', 'text').info('master', 'hello')
  assert.match(text(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info {2}master {4}hello\n$/)
})

test('on a terminal a line has the time of day, and a source only if that is the application', () => {
  const { sink, text } = collect()
  const log = new Log(sink, 'info', 'text', { terminal: true })
  log.info('master', 'ready')
  log.warn('gateway', 'slow', { request: 'k-1' })
  log.info('worker', 'a\nb', { worker: 3 })
  assert.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map(line => line.replace(/^\d\d:\d\d:\d\d /, '')),
    ['info  ready', 'warn  [k-1] slow', 'info  worker 3  a', `${' '.repeat(15)}b`],
  )
})

for (const terminal of [false, true])
  test(`with several applications messages are aligned over their names (${terminal ? 'terminal' : 'file'})`, () => {
    const { sink, text } = collect()
    const log = new Log(sink, 'info', 'text', { terminal })
    log.align(['shop', 'admin'])
    log.info('master', 'one')
    log.info('master', 'two', { app: 'shop' })
    log.info('master', 'three', { app: 'admin' })
    log.info('worker', 'four', { app: 'shop', worker: 7 })
    log.facts('master', {
      headline: '',
      message: '',
      facts: [
        { label: 'WSGI', text: 'five' },
        { label: 'static', text: 'six' },
      ],
      fields: { app: 'shop' },
    })
    log.align([])
    log.info('worker', 'seven', { worker: 7 })
    assert.deepEqual(
      text()
        .trimEnd()
        .split('\n')
        .map(line => line.slice(terminal ? 15 : 30)),
      terminal
        ? [
            'one',
            'shop   two',
            'admin  three',
            'shop worker 7  four',
            'shop     WSGI         five',
            'shop     static       six',
            'worker 7  seven',
          ]
        : [
            'master          one',
            'shop            two',
            'admin           three',
            'shop worker 7   four',
            'shop              WSGI         five',
            'shop              static       six',
            'worker 7  seven',
          ],
    )
  })

test('every line of a longer message has the prefix', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', 'text').error('worker 1', 'Traceback:\n  File "a.py"\nValueError')
  assert.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map(line => line.slice(24)),
    ['error worker 1  Traceback:', 'error worker 1    File "a.py"', 'error worker 1  ValueError'],
  )
})

test('messages below the level are left out', () => {
  const { sink, text } = collect()
  const log = new Log(sink, 'warn', 'text')
  log.debug('a', '1')
  log.info('a', '2')
  log.warn('a', '3')
  log.error('a', '4')
  assert.deepEqual(text().match(/\d$/gm), ['3', '4'])
})

test('the level may change', () => {
  const { sink, text } = collect()
  const log = new Log(sink, 'warn', 'text')
  log.setLevel('debug')
  log.debug('a', '1')
  log.setLevel('error')
  log.warn('a', '2')
  assert.deepEqual([text().match(/\d$/gm), log.level], [['1'], 'error'])
})

test('colours only where asked for', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', 'text', { colour: true }).warn('a', 'b')
  assert.ok(text().includes('\x1b['))
})

test('each line of a traceback has the number of its worker and the id of its request', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', 'text').info('worker', 'a\nb', { worker: 3, request: 'k-1' })
  assert.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map(line => line.slice(24)),
    ['info  worker 3  [k-1] a', 'info  worker 3  [k-1] b'],
  )
})

test('json is one object a line, whatever the message is', () => {
  const { sink, text } = collect()
  const log = new Log(sink, 'info', 'json', { colour: true, terminal: true })
  log.error('worker', 'Traceback:\n  "x" \x1b[31m\nValueError', { worker: 3, request: 'k-1' })
  log.info('gateway', 'no request', { request: '' })
  log.debug('master', 'not written')
  const [first, second, ...rest] = text().trimEnd().split('\n')
  const { time, ...record } = JSON.parse(first!)
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual(record, {
    level: 'error',
    source: 'worker',
    worker: 3,
    request: 'k-1',
    message: 'Traceback:\n  "x" \x1b[31m\nValueError',
  })
  assert.deepEqual(Object.keys(JSON.parse(second!)), ['time', 'level', 'source', 'message'])
  assert.deepEqual(rest, [])
  assert.ok(!text().includes('\x1b'))
})

test('facts are aligned lines for people, and fields of one record for machines', () => {
  const told = {
    headline: 'Jumak',
    message: 'started',
    facts: [
      { label: 'address', text: 'http://a' },
      { label: '', text: 'http://b' },
    ],
    fields: { addresses: ['http://a', 'http://b'] },
  }
  const words = collect()
  new Log(words.sink, 'info', 'text').facts('master', told)
  const lines = words.text().trimEnd().split('\n')
  assert.deepEqual(
    lines.map(line => line.slice(40)),
    ['Jumak', '  address      http://a', '               http://b'],
  )
  const json = collect()
  new Log(json.sink, 'info', 'json').facts('master', told)
  const { message, addresses } = JSON.parse(json.text())
  assert.deepEqual([message, addresses], ['started', ['http://a', 'http://b']])
})

test('of the output of an application a terminal obeys only colours, and they end with their message', () => {
  const evil = 'a\x1b[2Jb\rc\x9b2Jd\x1b]0;t\x07e\x1b[1;31mred\x1b[3mf\x00\x7fg\th\x1b'
  const [line, json] = (['text', 'json'] as const).map(format => {
    let line = ''
    new Log({ write: text => (line += text) }, 'info', format).info('worker', evil)
    return line
  })
  assert.ok(
    line!.endsWith(' a\\x1b[2Jb\\x0dc\\x9b2Jd\\x1b]0;t\\x07e\x1b[1;31mred\x1b[3mf\\x00\\x7fg\th\\x1b\x1b[0m\n'),
    JSON.stringify(line),
  )
  assert.doesNotMatch(json!, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  assert.equal(JSON.parse(json!).message, evil)
  let coloured = ''
  new Log({ write: text => (coloured += text) }, 'info', 'text').info('worker', '\x1b[32mfine\x1b[0m')
  assert.ok(coloured.endsWith(' \x1b[32mfine\x1b[0m\n'))
})
