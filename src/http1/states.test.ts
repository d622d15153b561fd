/** Every pair of a state and an event, against a table that is written down a second time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event, next, State } from './states.ts'

/** `-`: cannot happen. */
const EXPECTED = `
            HEAD     END    NO_MORE  NEXT  LAST       SWITCH    CLOSE
IDLE        CONTENT  -      -        -     LINGERING  -         CLOSED
CONTENT     -        WHOLE  FINAL    REST  LINGERING  -         CLOSED
WHOLE       -        -      FINAL    IDLE  LINGERING  SWITCHED  CLOSED
FINAL       -        -      FINAL    -     LINGERING  SWITCHED  CLOSED
REST        -        IDLE   -        -     LINGERING  -         CLOSED
SWITCHED    -        -      -        -     -          -         CLOSED
LINGERING   -        -      -        -     -          -         CLOSED
CLOSED      -        -      -        -     -          -         -
`
const [events, ...rows] = EXPECTED.trim()
  .split('\n')
  .map(line => line.trim().split(/ +/)) as [string[], ...string[][]]
const stateNames = Object.keys(State)
const eventNames = Object.keys(Event)

test('the table has each state and each event', () => {
  assert.deepEqual(events, eventNames)
  assert.deepEqual(
    rows.map(([state]) => state),
    stateNames,
  )
})

for (const [from, ...moves] of rows)
  for (const [i, to] of moves.entries())
    test(`${from}, ${events[i]}: ${to === '-' ? 'cannot happen' : to}`, () => {
      const state = State[from as keyof typeof State]
      const event = Event[events[i] as keyof typeof Event]
      if (to === '-') assert.throws(() => next(state, event), new RegExp(`${from} cannot have ${events[i]}$`))
      else assert.equal(stateNames[next(state, event)], to)
    })
