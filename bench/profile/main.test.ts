import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const profile = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' })

const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [['--scene', 'hallo'], /^profile: there is no scene hallo; there are: hello, /],
  [['--seconds', '0'], /^profile: --seconds is a whole number from 1 to 600, not "0"/],
  [['--connections', '6.4'], /^profile: --connections is a whole number from 1 to 10000, not "6\.4"/],
  [['--second', '5'], /^profile: .*'--second'/],
  [['hello'], /^profile: .*'hello'/],
]

for (const [args, message] of WRONG)
  test(`profile ${args.join(' ')}: one line that says what is wrong`, () => {
    const { status, stdout, stderr } = profile(...args)
    assert.match(stderr, message)
    assert.match(stderr, /\(npm run profile -- --help\)\n$/)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
    assert.equal(status, 1)
    assert.equal(stdout, '')
  })

test('the help names every scene and has examples', () => {
  const { status, stdout } = profile('--help')
  assert.equal(status, 0)
  assert.match(stdout, /asgi-10kb.*django|django.*asgi-10kb/)
  assert.match(stdout, /npm run profile -- --scene django/)
})
