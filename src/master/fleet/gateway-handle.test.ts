import assert from 'node:assert/strict'
import { test } from 'node:test'
import { environmentOf } from './gateway-handle.ts'

test('the gateway has six threads of the pool for each event loop, or more if the user wants more', () => {
  const size = (threads: number, given?: string) =>
    environmentOf(threads, given === undefined ? {} : { UV_THREADPOOL_SIZE: given })['UV_THREADPOOL_SIZE']
  assert.deepEqual([size(1), size(4)], ['6', '24'])
  assert.deepEqual([size(1, '16'), size(4, '4'), size(1, '9999'), size(1, 'many')], ['16', '24', '1024', '6'])
  assert.equal(environmentOf(1, { TZ: 'Asia/Seoul' })['TZ'], 'Asia/Seoul')
})
