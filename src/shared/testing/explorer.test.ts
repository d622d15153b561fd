import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explore, type Machine, type Model, type World } from './explorer.ts'

/** Threads inside, and messages under way to each thread. */
class Room implements World {
  inside = 0
  readonly messages = [0, 0]

  clone(): Room {
    const copy = new Room()
    copy.inside = this.inside
    for (const [thread, count] of this.messages.entries()) copy.messages[thread] = count
    return copy
  }
  numbers(): number[] {
    return [this.inside, ...this.messages]
  }
}

const begin = (machine: Machine<Room>) => machine.rest('begins', () => [{ id: 0, label: 'begins' }])
const enter = (machine: Machine<Room>) => machine.step('enters', room => ++room.inside)
const leave = (machine: Machine<Room>) => machine.step('leaves', room => --room.inside)

/** Two threads that use one word as a lock. */
const lock = (take: (machine: Machine<Room>) => boolean, deaths = 0): Model<Room> => ({
  words: 1,
  threads: 2,
  deaths,
  world: () => new Room(),
  died: room => {
    room.inside = 0
  },
  run(machine) {
    begin(machine)
    if (!take(machine)) return
    enter(machine)
    leave(machine)
    machine.cells.store(0, 0)
  },
  check: ({ world }) => (world.inside > 1 ? 'two are inside' : null),
  isSettled: ({ words, isAtRest }) => isAtRest && words[0] === 0,
})

test('a lock by compareExchange lets one in, whatever the order', () => {
  const { fault, states, isCut } = explore(lock(({ cells }) => cells.compareExchange(0, 0, 1) === 0))
  assert.equal(fault, null)
  assert.equal(isCut, false)
  assert.ok(states > 10, `${states}`)
})

test('a lock by load and store is found out, with the shortest way to the fault', () => {
  const { fault } = explore(
    lock(({ cells }) => {
      if (cells.load(0) !== 0) return false
      cells.store(0, 1)
      return true
    }),
  )
  assert.equal(fault?.what, 'two are inside')
  assert.equal(fault.trace.length, 8, fault.trace.join('\n'))
  assert.ok(fault.trace.indexOf('thread 1: load(0)') < fault.trace.indexOf('thread 0: enters'), fault.trace.join('\n'))
})

test('a thread that dies with the lock keeps it for ever: there is no way out', () => {
  const { fault } = explore(lock(({ cells }) => cells.compareExchange(0, 0, 1) === 0, 1))
  assert.equal(fault?.what, 'there is no way to a settled state')
  assert.ok(fault.trace.some(line => /dies/.test(line)))
})

/** Thread 1 waits for a word to become 1. It says so in another word, by which thread 0 knows that it must send a message. */
const waiting = (looksAgain: boolean): Model<Room> => ({
  words: 2,
  threads: 2,
  world: () => new Room(),
  run(machine, thread) {
    const { cells } = machine
    begin(machine)
    if (thread === 0) {
      cells.store(0, 1)
      if (cells.load(1) === 1) machine.step('sends a message', room => ++room.messages[1]!)
      return
    }
    if (cells.load(0) === 1) return
    cells.store(1, 1)
    if (looksAgain && cells.load(0) === 1) {
      cells.store(1, 0)
      return
    }
    machine.rest('waits', ({ messages }) =>
      messages[1]! > 0 ? [{ id: 0, label: 'gets the message', apply: room => --room.messages[1]! }] : [],
    )
    cells.store(1, 0)
  },
  isSettled: ({ words, isAtRest }) => isAtRest && words[1] === 0,
})

test('who says that it waits must look once more: without, it is forgotten', () => {
  assert.equal(explore(waiting(true)).fault, null)
  assert.equal(explore(waiting(false)).fault?.what, 'there is no way to a settled state')
})

test('what a thread throws is a fault', () => {
  const broken = lock(() => {
    throw new Error('broken code')
  })
  assert.equal(explore(broken).fault?.what, 'broken code')
})

/** Two words that must be equal when nobody is amidst a change. Each thread makes a change when it has seen the other one's half of it. */
const halves: Model<Room> = {
  words: 2,
  threads: 2,
  world: () => new Room(),
  run(machine, thread) {
    const { cells } = machine
    begin(machine)
    if (cells.load(1 - thread) === 0) enter(machine)
    cells.store(thread, 1)
  },
  check: ({ world }) => (world.inside > 1 ? 'two are inside' : null),
  isSettled: ({ words, isAtRest }) => isAtRest && words[0] === 1,
}

test('a fault that needs a preemption is not found without one', () => {
  assert.equal(explore({ ...halves, preemptions: 0 }).fault, null)
  assert.equal(explore({ ...halves, preemptions: 1 }).fault?.what, 'two are inside')
})

test('at the limit of states it says that it has not seen all', () => {
  const { isCut, fault } = explore(
    lock(({ cells }) => cells.compareExchange(0, 0, 1) === 0),
    5,
  )
  assert.equal(isCut, true)
  assert.equal(fault, null)
})
