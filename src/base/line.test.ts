/** The order of a line, whoever leaves it and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Line, type Place } from './line.ts'

function lineOf(...names: string[]) {
  const line = new Line<string>()
  const places: Record<string, Place<string>> = {}
  for (const name of names) places[name] = line.enter(name)
  const visited = (during: (name: string) => unknown = () => {}) => {
    const all: string[] = []
    line.walk(name => {
      all.push(name)
      return during(name) !== false
    })
    return all.join('')
  }
  return { line, places, visited }
}

test('who is there is visited in order; who has left refers to nobody', () => {
  const { line, places, visited } = lineOf('a', 'b', 'c', 'd')
  line.leave(places['a']!)
  line.leave(places['c']!)
  line.leave(places['c']!)
  line.enter('e')
  assert.deepEqual([visited(), line.size, line.first?.item], ['bde', 3, 'b'])
  assert.deepEqual([places['c']!.previous, places['c']!.next, line.has(places['c']!)], [null, null, false])
  for (const name of ['d', 'b']) line.leave(places[name]!)
  assert.deepEqual([visited(), line.size], ['e', 1])
  line.leave(line.first!)
  assert.deepEqual([visited(), line.size, line.first], ['', 0, null])
  line.enter('f')
  assert.equal(visited(), 'f')
})

test('a walk goes on when the one that it visits leaves, and ends where the next one has left', () => {
  const { line, places, visited } = lineOf('a', 'b', 'c', 'd')
  assert.equal(
    visited(name => name !== 'b'),
    'ab',
  )
  assert.equal(
    visited(name => line.leave(places[name]!)),
    'abcd',
  )
  const other = lineOf('a', 'b', 'c')
  assert.equal(
    other.visited(name => name === 'a' && other.line.leave(other.places['b']!)),
    'a',
  )
  assert.equal(other.visited(), 'ac')
})
