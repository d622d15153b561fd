/** What the words of an upstream mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEjection, parseHealthCheck, parseQueue, parseSticky } from './group-words.ts'

test('a health check has a path, and what differs from the usual', () => {
  const usual = {
    path: '/up',
    interval: 5000,
    timeout: 2000,
    fails: 2,
    passes: 2,
    leastStatus: 200,
    mostStatus: 399,
    header: null,
    body: null,
  }
  assert.deepEqual(parseHealthCheck('/up'), { value: usual })
  assert.deepEqual(parseHealthCheck(' /up?deep=1  interval=250ms timeout=1s fails=3 passes=1 status=204 '), {
    value: {
      path: '/up?deep=1',
      interval: 250,
      timeout: 1000,
      fails: 3,
      passes: 1,
      leastStatus: 204,
      mostStatus: 204,
      header: null,
      body: null,
    },
  })
})

test('a health check looks at a field and at the content', () => {
  const of = (text: string) => {
    const parsed = parseHealthCheck(text)
    assert.ok('value' in parsed)
    return [parsed.value.header, parsed.value.body]
  }
  assert.deepEqual(of("/up body='all is well' header=X-State:up"), [{ name: 'x-state', value: 'up' }, 'all is well'])
  assert.deepEqual(of("/up header='X-State: a=b' body=a=b"), [{ name: 'x-state', value: 'a=b' }, 'a=b'])
  assert.deepEqual(of('/up header=X-State'), [{ name: 'x-state', value: null }, null])
})

for (const [text, problem] of [
  ['up', /begin with a path/],
  ['/up#x', /begin with a path/],
  ['/ü', /begin with a path/],
  ['', /begin with a path/],
  ['/up interval=0', /a time of 100ms and more as interval/],
  ['/up timeout=soon', /a time of 100ms and more as timeout/],
  ['/up fails=0', /a whole number from 1 to 100 as fails/],
  ['/up passes=101', /a whole number from 1 to 100 as passes/],
  ['/up status=20x', /a status or a range/],
  ['/up every=5s', /only interval=, timeout=, fails=, passes=, status=, header= or body=, not 'every=5s'/],
  ['/up constructor=1', /not 'constructor=1'/],
  ['/up header=a b:c', /not 'b:c'/],
  ['/up header=:up', /a field as header/],
  ['/up body=', /a text as body/],
  ["/up body='all", /a ' at the end/],
] as const)
  test(`'${text}' is no health check`, () => {
    const parsed = parseHealthCheck(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })

test('a sticky cookie has a name, and what differs from the usual', () => {
  const usual = { cookie: 'srv', ttl: null, path: '/', domain: null, sameSite: 'Lax' }
  assert.deepEqual(parseSticky('cookie srv'), { value: usual })
  assert.deepEqual(parseSticky(' cookie srv  ttl=1h path=/a=b domain=.a.test samesite=none '), {
    value: { cookie: 'srv', ttl: 3600, path: '/a=b', domain: '.a.test', sameSite: 'None' },
  })
})

for (const [text, problem] of [
  ['srv', /the word cookie and the name/],
  ['cookie', /the word cookie and the name/],
  ['cookie a;b', /the word cookie and the name/],
  ['cookie srv ttl=0', /a time from 1s to 400d as ttl/],
  ['cookie srv ttl=500d', /a time from 1s to 400d as ttl/],
  ['cookie srv path=shop', /a path as path/],
  ['cookie srv path=/;x', /a path as path/],
  ['cookie srv domain=a..b', /the name of a host as domain/],
  ['cookie srv samesite=Lax', /strict, lax or none/],
  ['cookie srv secure', /not 'secure'/],
  ['cookie srv constructor=1', /not 'constructor=1'/],
] as const)
  test(`'${text}' is no sticky cookie`, () => {
    const parsed = parseSticky(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })

test('a queue has a length, and a time that is nginx’s if none is given', () => {
  assert.deepEqual(parseQueue('100 timeout=5s'), { value: { most: 100, timeout: 5000 } })
  assert.deepEqual(parseQueue('1'), { value: { most: 1, timeout: 60_000 } })
  assert.deepEqual(parseQueue('0'), { value: null })
})

for (const [text, problem] of [
  ['many', /a whole number from 0 to 100000/],
  ['100001', /a whole number from 0 to 100000/],
  ['', /a whole number from 0 to 100000/],
  ['10 timeout=0', /a time of 100ms and more/],
  ['10 5s', /only timeout=, not '5s'/],
] as const)
  test(`'${text}' is no queue`, () => {
    const parsed = parseQueue(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })

test('outlier ejection has usual values, and what differs', () => {
  const usual = { failures: 5, rate: 50, requests: 20, window: 10_000, time: 30_000, share: 50 }
  assert.deepEqual(parseEjection('on'), { value: usual })
  assert.deepEqual(parseEjection('off'), { value: null })
  assert.deepEqual(parseEjection('failures=0 rate=10% requests=5 window=1m time=1s share=100%'), {
    value: { failures: 0, rate: 10, requests: 5, window: 60_000, time: 1000, share: 100 },
  })
})

for (const [text, problem] of [
  ['5', /not '5'/],
  ['on failures=5', /not 'on'/],
  ['failures=many', /a whole number from 0 to 1000/],
  ['rate=0.5', /per cent from 0% to 100%/],
  ['share=0%', /per cent from 1% to 100%/],
  ['share=101%', /per cent from 1% to 100%/],
  ['time=0', /a time from 100ms to 24h/],
  ['failures=0 rate=0%', /failures= or rate= above 0/],
  ['constructor=1', /not 'constructor=1'/],
] as const)
  test(`'${text}' is no outlier ejection`, () => {
    const parsed = parseEjection(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })
