/** Reads `test/vectors/control.json`. On the Python side `python/tests/test_messages.py` reads it, too. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { openPreloaderChannel, openWorkerChannel } from './channel.ts'
import type { MasterToPreloader, MasterToWorker, PreloaderToMaster, WorkerToMaster } from './messages.ts'
import { findShapeError, PRELOADER_SHAPES, WORKER_SHAPES } from './shapes.ts'

interface Vector {
  readonly name: string
  readonly channel: 'preloader' | 'worker'
  readonly from: 'master' | 'python'
  readonly line: string
  readonly message: { readonly type: string }
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../test/vectors/control.json', import.meta.url), 'utf8'),
)

/** When a message is added to `messages.ts`, the compiler complains here: the message needs a vector. */
const TYPES = {
  'preloader master': { start: 0, fork: 0, 'output-opened': 0, signal: 0, evaluate: 0, stopping: 0 } satisfies Record<
    MasterToPreloader['type'],
    0
  >,
  'preloader python': {
    loaded: 0,
    waiting: 0,
    evaluated: 0,
    imported: 0,
    report: 0,
    'load-failed': 0,
    unsafe: 0,
    forked: 0,
    'fork-failed': 0,
    exited: 0,
  } satisfies Record<PreloaderToMaster['type'], 0>,
  'worker master': { stop: 0, stacks: 0 } satisfies Record<MasterToWorker['type'], 0>,
  'worker python': {
    hello: 0,
    ready: 0,
    'load-failed': 0,
    stacks: 0,
    imported: 0,
    report: 0,
    debugging: 0,
  } satisfies Record<WorkerToMaster['type'], 0>,
}

for (const [way, types] of Object.entries(TYPES)) {
  test(`there is an example of every message on the way ${way}`, () => {
    const found = vectors.filter(({ channel, from }) => `${channel} ${from}` === way).map(({ message }) => message.type)
    assert.deepEqual([...new Set(found)].sort(), Object.keys(types).sort())
  })
}

for (const { name, channel, from, line, message } of vectors) {
  test(`${from}: ${name}`, async () => {
    assert.deepEqual(JSON.parse(line), message)
    assert.ok(line.startsWith('{"type":'), 'type comes first')
    if (from === 'master') {
      assert.equal(await sentLine(channel, message), `${line}\n`)
      return
    }
    assert.deepEqual(await received(channel, line), message)
    const shapes = channel === 'preloader' ? PRELOADER_SHAPES : WORKER_SHAPES
    for (const field of Object.keys(message)) {
      const { [field]: _, ...without } = message as Record<string, unknown>
      assert.notEqual(findShapeError(without, shapes), null, `without ${field} it is refused`)
    }
  })
}

/** What the master's channel writes for a message. */
async function sentLine(channel: Vector['channel'], message: object): Promise<string> {
  const stream = new PassThrough()
  if (channel === 'preloader') openPreloaderChannel(stream).send(message as MasterToPreloader)
  else openWorkerChannel(stream).send(message as MasterToWorker)
  return String(stream.read())
}

/** What the master's channel makes of a line. */
async function received(channel: Vector['channel'], line: string): Promise<unknown> {
  const stream = new PassThrough()
  const messages: unknown[] = []
  const opened = channel === 'preloader' ? openPreloaderChannel(stream) : openWorkerChannel(stream)
  opened.onMessage((message: unknown) => messages.push(message))
  stream.end(`${line}\n`)
  await once(stream, 'close')
  assert.equal(messages.length, 1)
  return messages[0]
}
