import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf } from './test-rules.ts'

/** What is wrong with these lines of one file, without the place. */
const judge = (...lines: string[]) =>
  problemsOf({ path: 'test/a.test.ts', text: lines.join('\n') }).map(one => one.replace(/^test\/a\.test\.ts:/, ''))

test('a wait for time is found in both languages, with its line', () => {
  for (const line of [
    'await new Promise(resolve => setTimeout(resolve, 500))',
    'await delay(50)',
    'await sleep(SETTLED_MS)',
    'await sleep(2000)',
    '    time.sleep(0.5)',
    '    await asyncio.sleep(0.05)',
  ])
    assert.deepEqual(
      judge('', line).map(one => one.slice(0, 17)),
      ['2: waits for time'],
      line,
    )
})

test('a reason on the line or before it, nothing to wait for, and what hangs are right', () => {
  assert.deepEqual(judge('// wait: a client that reads slowly', 'setTimeout(read, 5)'), [])
  assert.deepEqual(judge('    time.sleep(0.01)  # wait: no event tells'), [])
  assert.deepEqual(judge('await asyncio.sleep(0)', 'time.sleep(60)', 'await asyncio.sleep(3600)'), [])
  assert.deepEqual(judge('def sleep(request):', 'clearTimeout(timer)', "mock.enable({ apis: ['setTimeout'] })"), [])
  assert.deepEqual(judge('// setTimeout(resolve, 5) is not allowed', "client.get('/sleep?s=60')"), [])
  assert.equal(judge('// wait:', 'setTimeout(read, 5)').length, 1, 'a reason has words')
  assert.equal(
    judge('// wait: a client that reads slowly', '', 'setTimeout(read, 5)').length,
    1,
    'it is beside the call',
  )
})

test('a poll waits for its condition', () => {
  assert.deepEqual(judge('while not os.path.exists("go"):', '    time.sleep(0.01)'), [])
  assert.deepEqual(judge('while exists(path):', '    self.assertIn(path, known)', '    time.sleep(0.02)'), [])
  assert.deepEqual(judge('while (asked < 10) await new Promise(resolve => setTimeout(resolve, 10))'), [])
  assert.equal(judge('while True:', '    time.sleep(0.01)').length, 1)
})

test('an assertion about elapsed time', () => {
  const found = '2: asserts how long something took, which a busy machine decides: count, or look at an order'
  assert.deepEqual(judge('', 'assert.ok(performance.now() - begin < 500)'), [found])
  assert.deepEqual(judge('const begin = performance.now()', 'assert.ok(end - begin < 500)'), [found])
  assert.deepEqual(judge('begin = time.monotonic()', 'self.assertLess(later - begin, 2)'), [found])
  assert.deepEqual(judge('assert.ok(performance.now() < deadline)'), [], 'the end of a wait is no measurement')
  assert.deepEqual(judge('const now = Date.now()', "assert.equal(text, 'Date: now')"), [], 'a word in a text')
  assert.deepEqual(judge('const call = new Call(performance.now())', 'assert.equal(queue.first, call)'), [])
  assert.deepEqual(
    judge('const deadline = performance.now() + limit', 'while (performance.now() < deadline) look()'),
    [],
  )
})

test('a fixed port', () => {
  for (const line of [
    "args: ['-b', '127.0.0.1:8000']",
    "args: ['--bind=8000']",
    'server.listen(8080)',
    'connect({ port: 8000 })',
  ])
    assert.equal(judge(line).length, 1, line)
  for (const line of ["['-b', '127.0.0.1:0']", 'server.listen(0)', 'connect({ port: server.port })', "'Host: a:8000'"])
    assert.deepEqual(judge(line), [], line)
})

test('any status of a range', () => {
  for (const line of ['assert.ok(response.status < 500)', 'assert.ok((await one.response()).status >= 400)'])
    assert.equal(judge(line).length, 1, line)
  assert.deepEqual(judge('assert.equal(response.status, 204)', 'while (head.status < 200) head = await next()'), [])
})

test('a test that CI would skip', () => {
  const found = ['1: is skipped as root, as which CI runs: become another user in the test']
  assert.deepEqual(judge("test('at home', { skip: isRoot && 'root has none' }, () => {})"), found)
  assert.deepEqual(judge("test('at home', { skip: process.getuid?.() === 0 && 'root has none' }, () => {})"), found)
  assert.deepEqual(judge("test('as another user', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {})"), [])
})
