/** Applications for the tests of a master that has several, and a client of its admin socket. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { TestMaster } from './test-master.ts'

export const SHOP = { name: 'shop', path: '/shop', hosts: [] }
export const API = { name: 'api', path: '', hosts: ['api.example.kr'], workers: 1 }
export const ADMIN = { name: 'admin', path: '/admin', hosts: [], workers: 1 }

/** The gateway was told only of applications that it knows. */
export function assertKnown(master: TestMaster): void {
  assert.deepEqual(
    master.log.filter(line => line.includes('nobody knows')),
    [],
  )
}

/** The last answer of the admin socket at this path. */
export async function askAdmin(path: string, question: object): Promise<unknown> {
  const socket = connect({ path })
  socket.end(`${JSON.stringify({ jumak: 1, ...question })}\n`)
  return JSON.parse((await text(socket)).trim().split('\n').at(-1)!)
}

/** A directory, and an admin socket in it. `name`: a long one leaves no room for the sockets of an application with a long name. */
export function placeFor(t: TestContext, name = 'ja-') {
  const place = mkdtempSync(join(tmpdir(), name))
  t.after(() => rmSync(place, { recursive: true }))
  return { place, path: join(place, 'a.sock'), adminSocket: { paths: [join(place, 'a.sock')], isAuto: false } }
}
