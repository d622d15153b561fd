import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log } from './log.ts'
import type { Sink } from './sink.ts'

function collect(): { sink: Sink; text: () => string } {
  const parts: string[] = []
  return { sink: { write: (text: string) => parts.push(text) } as unknown as Sink, text: () => parts.join('') }
}

test('a line tells time, level, source and message', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', false).info('master', 'hello')
  assert.match(text(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info {2}master {4}hello\n$/)
})

test('every line of a longer message carries the prefix', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', false).error('worker 1', 'Traceback:\n  File "a.py"\nValueError')
  assert.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map(line => line.slice(24)),
    ['error worker 1  Traceback:', 'error worker 1    File "a.py"', 'error worker 1  ValueError'],
  )
})

test('what is below the level is left out', () => {
  const { sink, text } = collect()
  const log = new Log(sink, 'warn', false)
  log.debug('a', '1')
  log.info('a', '2')
  log.warn('a', '3')
  log.error('a', '4')
  assert.deepEqual(text().match(/\d$/gm), ['3', '4'])
})

test('colours only where asked for', () => {
  const { sink, text } = collect()
  new Log(sink, 'info', true).warn('a', 'b')
  assert.ok(text().includes('\x1b['))
})
