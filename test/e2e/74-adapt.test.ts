/** `jumak adapt` as a user runs it: a file that jumak reads then. What becomes of each form: `src/cli/adapt.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { runJumak } from '../support/run.ts'

const FILE = `
import os
print("evaluated in", os.getcwd())
workers = 1 + 2
raw_env = ["STAGE=one", "API_TOKEN=hush"]
spew = True
def post_fork(server, worker): pass
`

test('a Procfile with a gunicorn.conf.py becomes a jumak.toml that is right', async t => {
  const project = new Project(t, {
    'shop.py': 'application = 1\n',
    'gunicorn.conf.py': FILE,
    Procfile: 'web: python -m gunicorn --bind 127.0.0.1:$PORT shop\n',
  })
  const { code, stdout, stderr } = await runJumak(['adapt', 'Procfile'], project.directory, { PORT: '5000' })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^app = "shop" +# Procfile:1: APP$/m)
  assert.match(stdout, /^bind = "127\.0\.0\.1:5000" +# Procfile:1: --bind$/m)
  assert.match(stdout, /^workers = 3 +# gunicorn\.conf\.py: workers$/m)
  assert.match(stdout, /^env\.STAGE = "one"/m)
  assert.match(stderr, /^evaluated in /m)
  assert.match(stderr, /^jumak: gunicorn\.conf\.py: spew is not supported: /m)
  assert.match(stderr, /^jumak: gunicorn\.conf\.py: post_fork: no jumak\.toml has functions/m)
  assert.doesNotMatch(stdout + stderr, /hush/)
  project.save('jumak.toml', stdout)
  const checked = await runJumak(['--check', '--no-app'], project.directory)
  assert.match(checked.stdout, /^jumak: the settings are right: shop on 127\.0\.0\.1:5000, 3 workers/, checked.stderr)
})

test('what is not understood is exit code 2, and nothing is printed', async t => {
  const { directory } = new Project(t, {})
  const { code, stdout, stderr } = await runJumak(['adapt', 'uwsgi', '--ini', 'shop.ini'], directory)
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(
    stderr,
    /^jumak: the command starts uwsgi, .*\njumak: jumak adapt takes .*\njumak: try jumak adapt --help\n$/,
  )
})
