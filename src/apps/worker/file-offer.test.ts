import assert from 'node:assert/strict'
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { OpenFiles } from '../../base/open-files.ts'
import { openOffer } from './file-offer.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-offer-'))
after(() => rmSync(directory, { recursive: true }))

/** Node has no name for it. */
const O_PATH = 0o10000000

test('a worker that is another user is not helped to a file that it may not read', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async () => {
  const path = join(directory, 'secret')
  writeFileSync(path, '0123456789')
  // Such a descriptor needs no right to read the file. What /proc has for it is opened with the rights of the opener.
  const fd = openSync(path, O_PATH)
  assert.throws(() => readFileSync(fd), { code: 'EBADF' })
  const { dev, ino } = fstatSync(fd, { bigint: true })
  const offer = { fd, offset: 0, length: 10, device: dev, inode: ino }
  const files = new OpenFiles()
  const open = (isApart: boolean) =>
    new Promise<number | null>(resolve => openOffer({ pid: process.pid, isApart }, offer, files, resolve))
  const opened = await open(false)
  assert.equal(readFileSync(opened!, 'latin1'), '0123456789')
  closeSync(opened!)
  assert.equal(await open(true), null)
  closeSync(fd)
})
