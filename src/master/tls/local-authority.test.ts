import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { OperatorError } from '../errors.ts'
import { findLocalAuthority, takeLocalAuthority } from './local-authority.ts'

const isRoot = process.geteuid?.() === 0
const YEAR_MS = 365 * 24 * 3_600_000

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'jumak-authority-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** An authority that was made, its directory, and what says where. */
function made(t: TestContext) {
  const data = temporary(t)
  const variables = { XDG_DATA_HOME: data }
  const authority = takeLocalAuthority(variables)
  const directory = join(data, 'jumak/local-authority')
  return { authority, variables, directory, key: join(directory, 'key.pem'), file: join(directory, 'certificate.pem') }
}

/** The message; nothing was made anew. */
function refused(variables: Record<string, string>, now?: Date): string {
  let message = ''
  const isRefusal = (error: unknown) => {
    assert.ok(error instanceof OperatorError)
    assert.doesNotMatch(error.message, /\n|PRIVATE/)
    message = error.message
    return true
  }
  assert.throws(() => takeLocalAuthority(variables, now), isRefusal)
  return message
}

const mode = (path: string): number => statSync(path).mode & 0o777

test('an authority is made once, for its user only, and is the same at the next start', t => {
  const { authority, variables, directory, key, file } = made(t)
  assert.deepEqual([authority.isNew, authority.file], [true, file])
  assert.deepEqual([mode(directory), mode(join(directory, '..')), mode(key)], [0o700, 0o700, 0o600])
  assert.equal(mode(file) & 0o022, 0)
  const before = readFileSync(file, 'utf8')
  const again = takeLocalAuthority(variables)
  assert.deepEqual([again.isNew, again.file, again.until], [false, file, authority.until])
  assert.equal(readFileSync(file, 'utf8'), before)
  assert.deepEqual(readdirSync(join(directory, '..')), ['local-authority'], 'nothing else is left')
})

test('without XDG_DATA_HOME it is below HOME; without both an error says what to set', t => {
  const home = temporary(t)
  assert.equal(
    takeLocalAuthority({ HOME: home, XDG_DATA_HOME: 'relative' }).file,
    join(home, '.local/share/jumak/local-authority/certificate.pem'),
  )
  assert.match(refused({}), /neither HOME nor XDG_DATA_HOME .*: set XDG_DATA_HOME/)
})

test('a directory that cannot be made is an error that names the variable', t => {
  const data = join(temporary(t), 'file')
  writeFileSync(data, '')
  assert.match(refused({ XDG_DATA_HOME: data }), /cannot use the authority in .*file.*; set XDG_DATA_HOME/)
})

test('looking for one makes nothing', t => {
  const data = temporary(t)
  assert.equal(findLocalAuthority({ XDG_DATA_HOME: data }), null)
  assert.deepEqual(readdirSync(data), [])
  takeLocalAuthority({ XDG_DATA_HOME: data })
  assert.equal(findLocalAuthority({ XDG_DATA_HOME: data })?.isNew, false)
})

test('damaged and foreign files are an error, and stay', t => {
  const { variables, directory, key, file } = made(t)
  const [keyPem, pem] = [readFileSync(key), readFileSync(file)]
  const other = made(t)
  const damages: [string, string | Buffer | null, RegExp][] = [
    [file, null, /certificate\.pem is missing/],
    [key, null, /key\.pem is missing/],
    [file, '', /certificate\.pem is damaged/],
    [file, pem.subarray(0, 300), /certificate\.pem is damaged/],
    [key, keyPem.subarray(0, 100), /key\.pem is damaged/],
    [key, readFileSync(other.key), /key\.pem is not the key of certificate\.pem/],
    [key, Buffer.alloc(70_000), /larger than any/],
  ]
  for (const [path, content, expected] of damages) {
    if (content === null) rmSync(path)
    else writeFileSync(path, content, { mode: 0o600 })
    const message = refused(variables)
    assert.match(message, expected)
    if (!/larger/.test(message)) assert.ok(message.includes(`rm -r '${directory}'`), message)
    writeFileSync(key, keyPem, { mode: 0o600 })
    writeFileSync(file, pem)
  }
  assert.equal(takeLocalAuthority(variables).isNew, false)
})

test('a certificate that the authority signed is no authority', t => {
  const { authority, variables, key, file } = made(t)
  writeFileSync(file, authority.sign(keyOf(key), ['localhost'], new Date(), 1000))
  assert.match(refused(variables), /was not made by Jumak/)
})

test('an empty directory gets an authority', t => {
  const { variables, directory } = made(t)
  rmSync(directory, { recursive: true })
  mkdirSync(directory, { mode: 0o700 })
  assert.equal(takeLocalAuthority(variables).isNew, true)
})

test('an authority that has expired, or begins later, is an error at the start and at a signature', t => {
  const { authority, variables, key } = made(t)
  const end = authority.until.getTime()
  const later = new Date(end + YEAR_MS)
  assert.match(refused(variables, later), /certificate\.pem expired on \d{4}-\d\d-\d\d; remove the directory/)
  assert.throws(() => authority.sign(keyOf(key), ['localhost'], later, 1000), /expired on/)
  assert.match(refused(variables, new Date(end - 11 * YEAR_MS)), /is the clock of this machine right/)
})

test('no certificate lives longer than its authority', t => {
  const { authority, key } = made(t)
  const pem = authority.sign(keyOf(key), ['localhost'], new Date(), 20 * YEAR_MS)
  assert.equal(Date.parse(new X509Certificate(pem).validTo), authority.until.getTime())
})

test('files that others may change and a key that others may read are refused', t => {
  const { variables, directory, key, file } = made(t)
  const upper = join(directory, '..')
  for (const [path, wrong, right] of [
    [key, 0o640, 0o600],
    [key, 0o604, 0o600],
    [file, 0o664, 0o644],
    [directory, 0o770, 0o700],
    [upper, 0o702, 0o700],
  ] as const) {
    chmodSync(path, wrong)
    assert.match(refused(variables), /others than this user may (?:read or )?change .*chmod go-/)
    chmodSync(path, right)
  }
  assert.equal(takeLocalAuthority(variables).isNew, false)
})

test('nothing is made below a directory of Jumak that others may change', t => {
  const data = temporary(t)
  mkdirSync(join(data, 'jumak'))
  chmodSync(join(data, 'jumak'), 0o777)
  assert.match(refused({ XDG_DATA_HOME: data }), /others? (?:users )?than .* change/)
  assert.deepEqual(readdirSync(join(data, 'jumak')), [])
})

test('links are not followed', t => {
  const { variables, directory, key } = made(t)
  renameSync(key, `${key}.moved`)
  symlinkSync(`${key}.moved`, key)
  assert.match(refused(variables), /key\.pem is a symbolic link/)
  renameSync(directory, `${directory}-moved`)
  symlinkSync(`${directory}-moved`, directory)
  assert.match(refused(variables), /is no directory/)
})

test('root uses no file and no directory of another user', t => {
  // Only root can give files away. As another user the same check is seen with the modes above.
  if (!isRoot) return
  const { variables, directory, key } = made(t)
  chownSync(key, 65534, 65534)
  assert.match(refused(variables), /key\.pem belongs to user 65534, and the program runs as user 0/)
  chownSync(key, 0, 0)
  const data = variables.XDG_DATA_HOME
  chownSync(data, 65534, 65534)
  assert.match(refused(variables), /other users than root can change .*sudo -H/)
  rmSync(directory, { recursive: true })
  assert.match(refused(variables), /other users than root can change/)
  assert.ok(!existsSync(directory))
})

test('of programs that start at once, one makes the authority and all use it', async t => {
  const data = temporary(t)
  const script = `
    const { takeLocalAuthority } = await import(${JSON.stringify(join(import.meta.dirname, 'local-authority.ts'))})
    process.stdout.write('.')
    await new Promise(resolve => process.stdin.once('data', resolve))
    const { isNew, file } = takeLocalAuthority({ XDG_DATA_HOME: ${JSON.stringify(data)} })
    console.log(isNew, process.getBuiltinModule('node:fs').readFileSync(file, 'utf8').replaceAll('\\n', ''))
    process.exit()`
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', script]))
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
  const outputs = children.map(async ({ stdin, stdout }) => {
    stdin.write('go\n')
    let text = ''
    for await (const chunk of stdout) text += chunk
    return text.trim().split(' ')
  })
  const told = await Promise.all(outputs)
  assert.equal(new Set(told.map(([, ...pem]) => pem.join(' '))).size, 1)
  assert.ok(told.some(([isNew]) => isNew === 'true'))
  assert.deepEqual(readdirSync(join(data, 'jumak')), ['local-authority'])
})

function keyOf(path: string) {
  return createPrivateKey(readFileSync(path))
}
