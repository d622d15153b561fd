import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinPair, splitPair } from './pair.ts'

test('a name with an equals sign or quotes comes back as it was', () => {
  for (const name of ['a', 'a=b', '~^x=(.*)=', '"', '"a"=', 'a\\=b', '~"=\\"', ''])
    for (const value of ['', 'x', '=y="', '"z"=']) assert.deepEqual(splitPair(joinPair(name, value)), [name, value])
})
