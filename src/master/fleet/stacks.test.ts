import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Stacks } from './stacks.ts'

const DUMP = [
  'Thread 0x00007f0000000001 (most recent call first):',
  '  File "/srv/jumak_worker/control.py", line 9 in fill',
  '',
  'Current thread 0x00007f0000000002 [slot] (most recent call first):',
  '  File "/srv/app.py", line 7 in view',
  '  File "/srv/jumak_worker/link.py", line 9 in serve',
].join('\n')
const MAIN = { thread: '0x00007f0000000002', request: 'r-1' }

function make(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const seen: string[] = []
  const stacks = new Stacks({
    ask: thread => seen.push(`ask ${thread}`),
    dump: () => seen.push('dump'),
    found: ({ request }, text) => seen.push(`[${request}] ${text}`),
  })
  return { seen, stacks, pass: (ms: number) => t.mock.timers.tick(ms) }
}

test('an answer in time: no signal is sent', t => {
  const { seen, stacks, pass } = make(t)
  stacks.ask(MAIN)
  pass(299)
  stacks.answered('here')
  pass(10_000)
  assert.deepEqual(seen, ['ask 0x00007f0000000002', '[r-1] here'])
  assert.equal(stacks.printed(DUMP), false)
})

test('without an answer there is a dump, of which the asked thread is shown; a late answer is ignored', t => {
  const { seen, stacks, pass } = make(t)
  stacks.ask(MAIN)
  pass(300)
  assert.equal(stacks.printed('what the application prints'), false)
  assert.equal(stacks.printed(DUMP), true)
  stacks.answered('too late')
  const own = DUMP.split('\n').slice(3, 5).join('\n')
  assert.deepEqual(seen, ['ask 0x00007f0000000002', 'dump', `[r-1] ${own}`])
  assert.equal(stacks.printed(DUMP), false)
  stacks.ask({ thread: '', request: '' })
  stacks.answered('again')
  assert.equal(seen.at(-1), '[] again')
})

test('several questions share a dump; a question for all threads gets all of it', t => {
  const { seen, stacks, pass } = make(t)
  stacks.ask({ thread: '', request: '' })
  pass(200)
  stacks.ask({ thread: '0x0000000000000009', request: 'r-9' })
  pass(100)
  pass(300)
  assert.equal(stacks.printed(DUMP), true)
  const all = DUMP.split('\n').filter(line => line !== '' && !line.includes('jumak_worker'))
  assert.deepEqual(seen.slice(2), ['dump', `[] ${all.join('\n')}`, `[r-9] ${all.join('\n')}`])
})

test('a worker that is gone is asked nothing more', t => {
  const { seen, stacks, pass } = make(t)
  stacks.ask(MAIN)
  stacks.close()
  pass(60_000)
  assert.deepEqual(seen, ['ask 0x00007f0000000002'])
})

test("a dump shows the application's frames: library frames that called them are one line", t => {
  const { seen, stacks, pass } = make(t)
  const library = (name: string, line: number) =>
    `  File "/v/lib/python3.13/site-packages/${name}/x.py", line ${line} in g`
  const dump = [
    'Thread 0x00007f0000000001 (most recent call first):',
    '  File "/usr/lib/python3.13/ssl.py", line 1 in read',
    library('requests', 1),
    '  File "/srv/shop/views.py", line 12 in slow',
    library('django', 2),
    library('django', 3),
    '  File "/srv/shop/middleware.py", line 3 in call',
    library('django', 4),
    library('whitenoise', 5),
    '  File "/srv/jumak_worker/link.py", line 9 in serve',
    '',
    'Current thread 0x00007f0000000002 (most recent call first):',
    library('celery', 6),
    library('celery', 7),
  ]
  stacks.ask({ thread: '', request: '' })
  pass(300)
  stacks.printed(dump.join('\n'))
  assert.deepEqual(seen.at(-1)!.slice('[] '.length).split('\n'), [
    ...dump.slice(0, 4),
    '  ... 2 frames of django',
    dump[6],
    '  ... 2 frames of django, whitenoise',
    ...dump.slice(11),
  ])
})
