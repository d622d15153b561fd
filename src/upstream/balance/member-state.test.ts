/** What several threads know of a server together: here each "thread" is a view of the same memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { GroupMemories } from './group-memories.ts'
import { Member, type MemberRules } from './member.ts'
import { FAILS, forgetRequests, GroupState, makeGroupMemory } from './member-state.ts'

const RULES: MemberRules = {
  weight: 1,
  maxFails: 2,
  failTimeoutMs: 10_000,
  maxConns: 3,
  slowStartMs: 0,
  isBackup: false,
  isDown: false,
  isDraining: false,
  isEjectable: false,
}

function inThreads(count: number, memory = makeGroupMemory(count, 4, true)): Member[] {
  return Array.from(
    { length: count },
    (_, thread) => new Member('a', 0, RULES, new GroupState(memory, count, thread).of('a')),
  )
}

test('max-conns counts the requests of all threads, and a dead thread has none', () => {
  const memory = makeGroupMemory(3, 4, true)
  const [one, two, three] = inThreads(3, memory)
  assert.deepEqual([one!.begin(0), two!.begin(0), two!.begin(0), three!.begin(0)], [true, true, true, false])
  assert.equal(three!.mayBeAsked, false)
  assert.equal(one!.active, 3)
  forgetRequests(memory, 3, 1)
  assert.equal(one!.active, 1)
  assert.equal(three!.begin(0), true)
  three!.end()
  one!.end()
  assert.equal(one!.active, 0)
})

test('failures add up over threads; one sees that it is back, and one success of any thread clears it', () => {
  const [one, two] = inThreads(2)
  one!.failed(0)
  assert.equal(two!.isUsable(1), true)
  two!.failed(2)
  assert.deepEqual([one!.isUsable(3), two!.isUsable(3)], [false, false])
  assert.deepEqual([two!.isUsable(10_010), one!.isUsable(10_010)], [true, true])
  // One failure is enough until somebody knows that it is well.
  one!.failed(10_011)
  assert.equal(two!.isUsable(10_012), false)
  two!.succeeded(10_013)
  one!.failed(10_014)
  assert.equal(two!.isUsable(10_015), true)
})

test('of two threads that try a server after its failures at the same moment one does', () => {
  const [one, two] = inThreads(2)
  one!.failed(0)
  one!.failed(1)
  assert.deepEqual([one!.isUsable(10_010), two!.isUsable(10_010)], [true, true])
  assert.equal(one!.begin(10_010), true)
  assert.equal(two!.isUsable(10_010), false)
})

test('a group that gets more names than it has places counts the rest by itself', () => {
  const memory = makeGroupMemory(1, 2, false)
  const state = new GroupState(memory, 1, 0)
  const begun = ['a', 'b', 'c', 'c'].map(name => state.of(name).begin(1))
  assert.deepEqual(begun, [true, true, true, true])
  assert.deepEqual(
    ['a', 'b'].map(name => new GroupState(memory, 1, 0).of(name).active),
    [1, 1],
  )
})

test('the memory of a group outlives a reload, and goes with the group', () => {
  const memories = new GroupMemories(2)
  const [a, b] = ['a', 'b'].map(name => ({ name, isSingle: false }) as never)
  const first = memories.memoriesOf([a!]).get('a')
  assert.equal(memories.memoriesOf([a!, b!]).get('a'), first)
  memories.memoriesOf([b!])
  assert.notEqual(memories.memoriesOf([a!]).get('a'), first)
})

test('the place of a member that no thread has any more, and whose requests are over, is another one’s', () => {
  const memory = makeGroupMemory(2, 2, true)
  const [one, two] = [new GroupState(memory, 2, 0), new GroupState(memory, 2, 1)]
  const [a, b] = [one.of('a'), one.of('b')]
  const [otherA, laterA] = [two.of('a'), one.of('a')]
  a.add(FAILS, 3)
  const isShared = (name: string) => {
    const [here, there] = [one.of(name), two.of(name)]
    here.begin(0)
    const is = there.active === 1
    here.end()
    here.release()
    there.release()
    return is
  }
  assert.equal(isShared('c'), false)
  // Twice is once.
  a.release()
  a.release()
  laterA.release()
  assert.equal(isShared('c'), false)
  otherA.begin(0)
  otherA.release()
  assert.equal(isShared('c'), false)
  otherA.end()
  // It comes back to what was known of it, then to nothing.
  const back = one.of('a')
  assert.equal(back.load(FAILS), 3)
  back.release()
  assert.equal(isShared('c'), true)
  assert.equal(isShared('d'), true)
  b.release()
  assert.equal(one.of('a').load(FAILS), 0)
  // A dead thread has none.
  two.of('e').begin(0)
  assert.equal(isShared('f'), false)
  forgetRequests(memory, 2, 1)
  assert.equal(isShared('f'), true)
})

test('a thread that died while it looked for a place holds nobody up for ever', () => {
  const memory = makeGroupMemory(2, 2, true)
  new Int32Array(memory)[0] = 2
  const lonely = new GroupState(memory, 2, 0).of('a')
  lonely.begin(0)
  forgetRequests(memory, 2, 1)
  assert.equal(new GroupState(memory, 2, 0).of('a').active, 0)
})

test('real threads never have more than max-conns at once', async () => {
  const count = 3
  const memory = makeGroupMemory(count, 4, true)
  const most = new SharedArrayBuffer(8)
  const program = `
    const { workerData: { memory, most, thread, count, url } } = require('node:worker_threads')
    import(url).then(({ GroupState }) => {
      const state = new GroupState(memory, count, thread).of('a')
      const [running, seen] = [0, 1]
      const words = new Int32Array(most)
      for (let i = 0; i < 20000; i++) {
        if (!state.begin(2)) continue
        const now = Atomics.add(words, running, 1) + 1
        if (now > Atomics.load(words, seen)) Atomics.store(words, seen, now)
        Atomics.sub(words, running, 1)
        state.end()
      }
    })`
  const url = new URL('./member-state.ts', import.meta.url).href
  const threads = Array.from(
    { length: count },
    (_, thread) => new Worker(program, { eval: true, workerData: { memory, most, thread, count, url } }),
  )
  const codes = await Promise.all(threads.map(one => new Promise(resolve => one.once('exit', resolve))))
  assert.deepEqual(codes, [0, 0, 0])
  assert.ok(new Int32Array(most)[1]! <= 2)
  assert.equal(new GroupState(memory, count, 0).of('a').active, 0)
})
