/** Command lines of other servers: each flag gets an answer, and if possible the whole line to write. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArguments } from '../sources/arguments.ts'
import { meantName } from './meant-name.ts'
import { quote } from './rewrite.ts'

const WHOLE = 'so all of it is: '

/** Words of other servers, and ours. Null: one word has no equivalent, so there is no whole line. */
const LINES: readonly (readonly [theirs: string, ours: string | null])[] = [
  // gunicorn
  ['--access-logfile - --error-logfile - shop.wsgi', 'jumak --access-log - --log-file - shop.wsgi'],
  ['--worker-tmp-dir /dev/shm --capture-output shop.wsgi', 'jumak shop.wsgi'],
  ['-p /run/shop.pid -n shop shop.wsgi', 'jumak --pid-file /run/shop.pid shop.wsgi'],
  ['--preload-app --forwarded-allow-ips=* shop.wsgi', "jumak --preload on --trusted-proxies '*' shop.wsgi"],
  ['--limit-request-field_size 8190 shop.wsgi', 'jumak --limit-request-header-size 8190 shop.wsgi'],
  ['-m 027 -R --log-config log.ini shop.wsgi', 'jumak --umask 027 --log-config log.ini shop.wsgi'],
  ['--secure-scheme-headers X-Forwarded-Ssl shop.wsgi', 'jumak --forwarded-headers X-Forwarded-Ssl shop.wsgi'],
  ['-D shop.wsgi', 'jumak --daemon on shop.wsgi'],
  ['--certfile c.pem --keyfile k.pem shop.wsgi', 'jumak --tls-cert c.pem --tls-key k.pem shop.wsgi'],
  ['--paste site.ini#shop', "jumak 'site.ini#shop'"],
  ['--pythonpath /srv/lib shop.wsgi', 'jumak --import-path /srv/lib shop.wsgi'],
  [
    '--log-syslog-to unix:///dev/log --dogstatsd-tags a:b --statsd-host localhost:8125 shop.wsgi',
    'jumak --syslog unix:///dev/log --statsd-tags a:b --statsd-host localhost:8125 shop.wsgi',
  ],
  // uvicorn, hypercorn, Granian, Daphne
  ['shop:app --host 0.0.0.0 --port 80 --reload', 'jumak --reload -b 0.0.0.0:80 shop:app'],
  ['shop:app --host ::', "jumak -b '[::]:8000' shop:app"],
  ['shop:app --port=9000', 'jumak -b 9000 shop:app'],
  ['shop:create_app --factory --workers 2', "jumak --workers 2 'shop:create_app()'"],
  ['shop:app --proxy-headers --no-access-log --no-server-header', 'jumak shop:app'],
  ['shop:app --uds /run/s.sock --log-config log.yaml', 'jumak -b unix:/run/s.sock --log-config log.yaml shop:app'],
  ['shop:app --fd 3 --loop uvloop --http httptools --ws websockets', 'jumak -b fd://3 --loop uvloop shop:app'],
  ['shop:app --reload --reload-include *.html --reload-dir src', 'jumak --reload --reload-dir src shop:app'],
  ['shop:app --app-dir src --limit-concurrency 99', 'jumak --import-path src --concurrency 99 shop:app'],
  ['shop:app --timeout-keep-alive 5 --limit-max-requests 10', 'jumak --keep-alive 5 --max-requests 10 shop:app'],
  ['--interface asgi --workers-lifetime 60 shop:app', 'jumak --interface asgi3 --max-age 60 shop:app'],
  ['-p 8001 shop.asgi:application', 'jumak -b 8001 shop.asgi:application'],
  ['shop:app --no-proxy-headers', 'jumak --trusted-proxies none shop:app'],
  ['shop:app --ssl-certfile c.pem --ssl-keyfile k.pem', 'jumak --tls-cert c.pem --tls-key k.pem shop:app'],
  [
    'shop:app --ssl-cert-reqs 2 --ssl-ca-certs ca.pem --ssl-ciphers HIGH',
    'jumak --tls-client-certs required --tls-client-ca ca.pem --tls-ciphers HIGH shop:app',
  ],
  [
    'shop:app --verify-mode CERT_OPTIONAL --insecure-bind :80',
    'jumak --tls-client-certs optional -b http://:80 shop:app',
  ],
  [
    'shop:app --ssl-ca ca.pem --ssl-crl r.pem --ssl-client-verify --ssl-protocol-min tls1.3',
    'jumak --tls-client-ca ca.pem --tls-client-crl r.pem --tls-client-certs required --tls-min-version 1.3 shop:app',
  ],
  ['shop:app --cert adhoc', 'jumak --tls self-signed shop:app'],
  ['shop:app --keyfile-password secret', null],
  ['shop:app --header X-A:b', 'jumak --response-header X-A:b shop:app'],
  // uWSGI
  ['--http :8000 --wsgi-file shop.py --callable app -p 4 -M', 'jumak -b :8000 -w 4 shop.py:app'],
  ['--http-socket 127.0.0.1:80 --module shop.wsgi --master --vacuum', 'jumak -b 127.0.0.1:80 shop.wsgi'],
  ['--http-socket /run/s.sock --chmod-socket=660 -w shop', null],
  ['--harakiri 20 --lazy-apps --logto /tmp/l --module shop', 'jumak --timeout 20 --preload off --log-file /tmp/l shop'],
  ['--uid www-data --home /srv/venv --module shop', 'jumak --user www-data --python /srv/venv shop'],
  ['--static-map /static=/srv/static --module shop', 'jumak --static /static=/srv/static shop'],
  [
    '--reload-on-rss 300 --limit-post 100 --gevent 9 shop',
    'jumak --max-memory 300M --limit-request-body 100 -k gevent --concurrency 9 shop',
  ],
  ['--http-websockets --harakiri-verbose --module shop', 'jumak shop'],
  ['--py-autoreload 1 --post-buffering 4096 --module shop', 'jumak --reload shop'],
  ['--mule tasks.py', null],
  ['--add-header X-A:b shop', 'jumak --response-header X-A:b shop'],
  ['--ini uwsgi.ini', null],
  ['--socket :3031 --module shop', 'jumak -b uwsgi://:3031 shop'],
  ['--socket /run/shop.sock --module shop', 'jumak -b uwsgi://unix:/run/shop.sock shop'],
  ['--fastcgi-socket 127.0.0.1:9000 --module shop', 'jumak -b fastcgi://127.0.0.1:9000 shop'],
  ['--emperor /etc/uwsgi', null],
  ['--stats :9191 --module shop', null],
  // manage.py, flask, fastapi
  ['runserver', 'jumak --reload'],
  ['manage.py runserver 0.0.0.0:8000', 'jumak --reload -b 0.0.0.0:8000'],
  ['runserver 9000 --settings=shop.settings', 'jumak -e DJANGO_SETTINGS_MODULE=shop.settings --reload -b 9000'],
  ['run main.py', 'jumak main.py'],
  ['dev main.py --port 8001', 'jumak --reload -b 8001 main.py'],
  ['--app flaskr --debug', 'jumak --reload flaskr'],
]

const messagesOf = (words: readonly string[]) => parseArguments(words).diagnostics.map(one => one.message)

for (const [theirs, ours] of LINES)
  test(`${theirs}: ${ours ?? 'answered'}`, () => {
    const words = theirs.split(' ')
    const messages = messagesOf(words)
    const whole = messages.filter(message => message.startsWith(WHOLE))
    // `-w` is a flag of ours, with another meaning.
    if (ours === null)
      assert.deepEqual(
        whole,
        theirs.includes('-w shop') ? [`${WHOLE}jumak -b unix:/run/s.sock --unix-mode 660 -w shop`] : [],
      )
    else assert.deepEqual(whole, [WHOLE + ours])
    const answers = messages.filter(message => !message.startsWith(WHOLE))
    assert.ok(answers.length > 0)
    for (const answer of answers) assert.match(answer, /^there is no (?:flag -\S+|command \w+): \S.{8,}/)
  })

test('the answers are right command lines', () => {
  for (const [, ours] of LINES) {
    const words = ours?.replaceAll("'", '').split(' ').slice(1) ?? []
    assert.deepEqual(messagesOf(words), [], ours ?? '')
  }
})

test('runserver keeps its address', () => {
  assert.deepEqual(messagesOf(['manage.py', 'runserver', '0:8000']), [
    'there is no command runserver: write jumak --reload -b :8000',
    'so all of it is: jumak --reload -b :8000',
  ])
})

test('there is no whole line if one of its words is wrong or has no equivalent', () => {
  for (const line of ['--port 1 --ssl-keyfile-password x shop', '--port 1 --wrokers 2 shop', '--port 1 -w'])
    assert.ok(!messagesOf(line.split(' ')).some(message => message.startsWith(WHOLE)), line)
})

test('the value of a foreign flag is not taken for the application', () => {
  const { values, isPositionalUncertain } = parseArguments(['--port', '80', 'shop'])
  assert.deepEqual(
    values.get('app')?.map(one => one.text),
    ['shop'],
  )
  assert.equal(isPositionalUncertain, true)
})

test('a word is quoted as a shell needs it', () => {
  assert.deepEqual(['a:b', '*', "it's", 'a()'].map(quote), ['a:b', "'*'", "'it'\\''s'", "'a()'"])
})

test('log levels of gunicorn and uvicorn become ours', () => {
  assert.deepEqual(messagesOf(['--log-level', 'warning', '--access-logfile', '-', 'shop.wsgi']).slice(-1), [
    `${WHOLE}jumak --log-level warn --access-log - shop.wsgi`,
  ])
  assert.deepEqual(messagesOf(['--log-level=critical', '--uds', '/run/s', 'shop:app']).slice(-1), [
    `${WHOLE}jumak --log-level=error -b unix:/run/s shop:app`,
  ])
})

test("gunicorn's --preload and uvicorn's --access-log take no value", () => {
  assert.deepEqual(messagesOf(['--preload', 'shop:app']), [
    '--preload needs a value: write --preload on',
    `${WHOLE}jumak --preload on shop:app`,
  ])
  assert.deepEqual(messagesOf(['--access-log', 'shop:app', '--workers', '2']), [
    '--access-log needs a value: write --access-log -',
    `${WHOLE}jumak --access-log - --workers 2 shop:app`,
  ])
  assert.deepEqual(messagesOf(['shop:app', '--access-log', '--port', '80']), [
    '--access-log needs a value: write --access-log -',
    'there is no flag --port: write -b 80',
    `${WHOLE}jumak --access-log - -b 80 shop:app`,
  ])
  for (const file of ['-', 'log', 'access.log', 'logs/a:b', './shop:app'])
    assert.deepEqual(messagesOf(['--access-log', file, 'shop:app']), [], file)
  assert.deepEqual(messagesOf(['--access-log=shop:app', 'shop:app']), [])
})

test('a foreign or misspelt name means the setting that does the same', () => {
  const meant: readonly (readonly [theirs: string, ours: string | null])[] = [
    ['access_logfile', 'access-log'],
    ['acess-logfile', 'access-log'],
    ['logto', 'log-file'],
    ['lazy-apps', 'preload'],
    ['debug', 'reload'],
    ['uds', 'bind'],
    ['client_max_body_size', 'limit-request-body'],
    ['worker-tmp-dir', null],
    ['certfile', 'tls-cert'],
    ['stats', null],
    ['constructor', null],
  ]
  for (const [theirs, ours] of meant) assert.equal(meantName(theirs), ours, theirs)
})
