import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../../config/testing/config.ts'
import type { MasterToGateway } from '../../control/messages.ts'
import { ApplicationState } from './application-state.ts'

function make() {
  const told: MasterToGateway[] = []
  const generations = { serving: 2 as number | null, next: null, get: () => undefined }
  const state = new ApplicationState({
    app: () => testApp({ name: 'shop' }),
    isApart: false,
    generations,
    development: { gatewayStarted: () => told.push({ type: 'hold', app: 'shop' }) },
    sendToGateway: message => told.push(message),
  })
  return { state, told, generations }
}

test('a new gateway hears which generation serves, the state of the code, and the static files', () => {
  const { state, told } = make()
  state.tell()
  assert.deepEqual(told, [
    { type: 'serve', app: 'shop', generation: 2 },
    { type: 'hold', app: 'shop' },
    { type: 'static', app: 'shop', mounts: [] },
  ])
})

test('without a generation that serves, none is named', () => {
  const { state, told, generations } = make()
  generations.serving = null
  state.tell()
  assert.deepEqual(
    told.map(({ type }) => type),
    ['hold', 'static'],
  )
})

test('one that was removed says nothing: a late import would take the static files from another one of its name', () => {
  const { state, told } = make()
  state.retire()
  state.tellStatic()
  state.tellServing(3)
  assert.deepEqual(told, [])
})
