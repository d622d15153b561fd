import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Reloader } from './fleet/reloader.ts'
import { handleSignals } from './signals.ts'

/** `interrupts`: how many times a debugger takes Ctrl-C. */
function listen(isTerminalGone = false, interrupts = 0) {
  const emitter = new EventEmitter()
  const done: string[] = []
  const remove = handleSignals(
    {
      stop: urgency => done.push(`stop ${urgency}`),
      interrupt: () => interrupts-- > 0 && done.push('interrupt') > 0,
      reload: () => done.push('reload'),
      changeWorkers: by => done.push(`workers ${by}`),
      reopenLogs: () => done.push('reopen'),
      upgrade: () => done.push('upgrade'),
    },
    emitter,
    () => isTerminalGone,
  )
  return { emitter, done, remove }
}

test('each signal asks for its own action', () => {
  const { emitter, done } = listen()
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR1', 'SIGUSR2']) emitter.emit(signal)
  assert.deepEqual(done, ['stop graceful', 'reload', 'workers 1', 'workers -1', 'reopen', 'upgrade'])
})

test('INT and QUIT stop quickly, and the second of either kind does not wait at all', () => {
  const { emitter, done } = listen()
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM']) emitter.emit(signal)
  assert.deepEqual(done, ['stop quick', 'stop now', 'stop graceful'])
})

test('INT goes to the debugger while one takes it, and does not stop the program', () => {
  const { emitter, done } = listen(false, 1)
  for (const signal of ['SIGINT', 'SIGINT', 'SIGINT']) emitter.emit(signal)
  assert.deepEqual(done, ['interrupt', 'stop quick', 'stop now'])
})

test('HUP because the terminal has gone is no reload', () => {
  const { emitter, done } = listen(true)
  emitter.emit('SIGHUP')
  assert.deepEqual(done, ['stop graceful'])
})

test('the handlers can be removed', () => {
  const { emitter, remove } = listen()
  remove()
  assert.deepEqual(emitter.eventNames(), [])
})

test('several requests during a reload become one more reload after it', () => {
  let isBusy = false
  let begun = 0
  const reloader = new Reloader(
    () => isBusy,
    () => {
      begun++
      isBusy = true
    },
  )
  assert.equal(reloader.request(), true)
  assert.equal(reloader.request(), false)
  assert.equal(reloader.request(), false)
  assert.equal(begun, 1)
  isBusy = false
  reloader.settled()
  assert.equal(begun, 2)
  isBusy = false
  reloader.settled()
  assert.equal(begun, 2)
})
