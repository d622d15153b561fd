/** What the names of gunicorn's configuration file mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFile } from './file.ts'

function read(values: Readonly<Record<string, unknown>>) {
  return readFile({ display: 'deploy/gunicorn.conf.py', values })
}

test('a value may be what Python has', () => {
  const { given, problems } = read({
    bind: 'unix:/run/a.sock',
    workers: 9,
    threads: '2',
    preload_app: true,
    reload: 'False',
    umask: 0o7,
    user: 33,
    raw_env: ['A=1'],
    worker_class: { callable: 'uvicorn.workers.UvicornWorker' },
    secure_scheme_headers: { 'X-FORWARDED-PROTO': 'https' },
    logger_class: { callable: 'Logger' },
    post_fork: { callable: 'post_fork' },
    on_exit: 'shop.hooks.on_exit',
    forwarded_allow_ips: '10.0.0.1, 10.0.0.2',
    proxy_protocol: true,
    accesslog: null,
    ssl_version: 2,
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(Object.fromEntries([...given].map(([name, { value }]) => [name, value])), {
    bind: ['unix:/run/a.sock'],
    workers: 9,
    threads: 2,
    preload_app: true,
    reload: false,
    umask: 7,
    user: '33',
    raw_env: ['A=1'],
    worker_class: 'uvicorn.workers.UvicornWorker',
    secure_scheme_headers: { 'X-FORWARDED-PROTO': 'https' },
    logger_class: 'Logger',
    post_fork: 'post_fork',
    on_exit: 'shop.hooks.on_exit',
    forwarded_allow_ips: ['10.0.0.1', '10.0.0.2'],
    proxy_protocol: 'auto',
    ssl_version: '2',
  })
})

test('a wrong value names the file and the setting', () => {
  const { problems } = read({ workers: 2.5, bind: 8000, reload: 1, worker_class: 3, secure_scheme_headers: [] })
  assert.deepEqual(problems.map(({ message }) => message).sort(), [
    'gunicorn.conf.py: bind must be a list of texts',
    'gunicorn.conf.py: reload must be True or False',
    'gunicorn.conf.py: secure_scheme_headers must be a dictionary',
    'gunicorn.conf.py: worker_class must be a text, not 3',
    'gunicorn.conf.py: workers must be a whole number from 1 on',
  ])
})

/** What people write, and what they mean. */
const MISSPELT: readonly (readonly [name: string, meant: string])[] = [
  ['treads', 'threads'],
  ['wrokers', 'workers'],
  ['worker', 'workers'],
  ['time_out', 'timeout'],
  ['keep_alive', 'keepalive'],
  ['log_level', 'loglevel'],
  ['access_log', 'accesslog'],
  ['errorlogs', 'errorlog'],
  ['preload', 'preload_app'],
  ['max_request', 'max_requests'],
  ['gracefull_timeout', 'graceful_timeout'],
  ['workerclass', 'worker_class'],
  ['Timeout', 'timeout'],
]

for (const [name, meant] of MISSPELT)
  test(`${name} of a file is told: ${meant}`, () => {
    const said = `gunicorn.conf.py: ${name} is no setting of gunicorn, and does nothing; did you mean ${meant}?`
    assert.deepEqual(read({ [name]: 1 }).notes, [said])
  })

test('variables of a file are its own', () => {
  const own = [
    'multiprocessing',
    'os',
    'cpu_count',
    'host',
    'port',
    'cores',
    'web_concurrency',
    'use_loglevel',
    'worker_path',
    '_workers',
  ]
  const names = [
    ...own,
    'bind_env',
    'default_web_concurrency',
    'accesslog_var',
    'json',
    'project_root',
    'max_workers',
    'logging',
  ]
  assert.deepEqual(read(Object.fromEntries(names.map(name => [name, 1]))).notes, [])
})
