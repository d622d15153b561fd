/** A thread that dies at any step of taking a connection. The thread's side is played by the test. */
import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { SharedCells } from '../../shared/cells.ts'
import { TakenConnections } from '../../shared/handed-connections.ts'
import { type Handed, ThreadConnections } from './thread-connections.ts'

const LIMIT = 4

function setUp(): { held: ThreadConnections; thread: TakenConnections; posted: number[]; closed: string[] } {
  const posted: number[] = []
  const closed: string[] = []
  const held = new ThreadConnections(
    LIMIT,
    ({ index }) => posted.push(index),
    network => closed.push(network),
  )
  return { held, thread: new TakenConnections(new SharedCells(held.memory), LIMIT), posted, closed }
}

function handed(network: string): Handed {
  const fd = openSync(import.meta.filename, 'r')
  return { fd, network, listener: 0, inode: fstatSync(fd).ino }
}

test('closes give their index back, and networks are told once', () => {
  const { held, thread, posted, closed } = setUp()
  const connections = ['a', 'b', 'c'].map(handed)
  for (const connection of connections) {
    held.hand(connection)
    thread.begin()
    thread.taken()
  }
  thread.closed(1)
  held.settle()
  assert.deepEqual([held.connections, closed], [2, ['b']])
  held.hand(connections[1]!)
  assert.deepEqual(posted, [0, 1, 2, 1])
  for (const { fd } of connections) closeSync(fd)
})

test('a thread that dies before it takes a connection leaves it, and what it has taken is cut', () => {
  const { held, thread, closed } = setUp()
  const [taken, left] = [handed('taken'), handed('left')]
  held.hand(taken)
  held.hand(left)
  thread.begin()
  thread.taken()
  const { untaken, cut } = held.died()
  assert.deepEqual([untaken.map(({ network }) => network), cut, closed], [['left'], 1, ['taken']])
  for (const { fd } of [taken, left]) closeSync(fd)
})

for (const how of ['open', 'closed', 'of somebody else'] as const)
  test(`a thread dies while it takes a connection, and its descriptor is ${how}`, () => {
    const { held, thread } = setUp()
    const connection = handed('one')
    held.hand(connection)
    thread.begin()
    if (how !== 'open') closeSync(connection.fd)
    // The least free number is given again.
    const other = how === 'of somebody else' ? openSync('/dev/null', 'r') : -1
    const { untaken, cut } = held.died()
    assert.deepEqual([untaken.length, cut], how === 'open' ? [1, 0] : [0, 1])
    if (how === 'open') closeSync(connection.fd)
    if (other !== -1) {
      assert.equal(other, connection.fd)
      closeSync(other)
    }
  })
