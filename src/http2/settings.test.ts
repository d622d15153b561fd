import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError, errorName, FRAME_HEADER } from './frames.ts'
import { CONNECTION_WINDOW, firstFrames, PeerSettings, STREAM_WINDOW } from './settings.ts'
import { settings } from './testing/frames.ts'

function receive(...pairs: readonly (readonly [number, number])[]): PeerSettings {
  const peer = new PeerSettings()
  peer.receive(settings(...pairs).subarray(FRAME_HEADER))
  return peer
}

test('what we tell: our settings, and the window of the connection', () => {
  const bytes = firstFrames({ streams: 7, frameSize: 20_000, headerListSize: 9999 })
  const pairs = []
  for (let at = FRAME_HEADER; at < FRAME_HEADER + bytes.readUIntBE(0, 3); at += 6)
    pairs.push([bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)])
  assert.deepEqual(pairs, [
    [3, 7],
    [4, STREAM_WINDOW],
    [5, 20_000],
    [6, 9999],
    [8, 1],
    [9, 1],
  ])
  assert.equal(bytes.readUInt32BE(bytes.length - 4), CONNECTION_WINDOW - 65_535)
})

test('what we are told; the last of two counts, and what nobody knows is ignored (RFC9113§6.5.2)', () => {
  const { headerTableSize, initialWindow, maxFrameSize } = receive(
    [1, 0],
    [4, 5],
    [4, 0x7fff_ffff],
    [5, 0xff_ffff],
    [0x99, 1],
    [2, 0],
    [8, 1],
    [9, 1],
  )
  assert.deepEqual([headerTableSize, initialWindow, maxFrameSize], [0, 0x7fff_ffff, 0xff_ffff])
  const defaults = receive()
  assert.deepEqual([defaults.headerTableSize, defaults.initialWindow, defaults.maxFrameSize], [4096, 65_535, 16_384])
})

for (const [id, value, code] of [
  [2, 2, 'PROTOCOL_ERROR'],
  [4, 0x8000_0000, 'FLOW_CONTROL_ERROR'],
  [4, 0xffff_ffff, 'FLOW_CONTROL_ERROR'],
  [5, 16_383, 'PROTOCOL_ERROR'],
  [5, 0x100_0000, 'PROTOCOL_ERROR'],
  [8, 2, 'PROTOCOL_ERROR'],
  [9, 2, 'PROTOCOL_ERROR'],
] as const)
  test(`setting ${id} cannot be ${value}`, () =>
    assert.throws(
      () => receive([id, value]),
      error => error instanceof ConnectionError && errorName(error.code) === code,
    ))
