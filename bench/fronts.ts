/**
 * uwsgi and FastCGI between a web server and applications, in both directions: Jumak behind nginx, and Jumak before uWSGI and php-fpm. Processes of
 * both sides are counted.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { phpFpm } from '../test/support/scripts.ts'
import { KEEPALIVE, NGINX, nginx } from './nginx.ts'
import type { Scene } from './scenes.ts'
import { type Place, ROOT, type Stack, venv } from './stacks.ts'

const JUMAK = join(ROOT, 'bin/jumak')
const PHP_FPM = phpFpm() ?? '/usr/sbin/php-fpm'

type Commands = Stack['commands']

/** In its place nginx has no more than what is passed on. */
const PASS = {
  uwsgi: 'include /etc/nginx/uwsgi_params; uwsgi_pass app;',
  fastcgi: 'include /etc/nginx/fastcgi_params; fastcgi_keep_conn on; fastcgi_pass app;',
  http: 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_pass http://app;',
}

export const FRONTS: readonly Stack[] = [
  behindNginx('uwsgi'),
  behindNginx('fastcgi'),
  behindNginx('http'),
  stack('nginx + uwsgi', ['front', 'uwsgi-server'], [NGINX, venv('uwsgi')], (scene, workers, place) => [
    nginxTo('uwsgi', place),
    uwsgi(scene, workers, place),
  ]),
  stack('jumak + uwsgi', ['uwsgi-server'], [JUMAK, venv('uwsgi')], (scene, workers, place) => [
    jumakTo('uwsgi', place, ''),
    uwsgi(scene, workers, place),
  ]),
  stack('jumak + php-fpm', ['php', 'php-kept'], [JUMAK, PHP_FPM], (scene, _workers, place) => [
    jumakTo(
      'fastcgi',
      place,
      `, fastcgi-params = { SCRIPT_FILENAME = "${script(place)}" }`,
      scene.interface === 'php-kept',
    ),
    php(place),
  ]),
  stack('nginx + php-fpm', ['php', 'php-kept'], [NGINX, PHP_FPM], (scene, _workers, place) => [
    nginx(
      place,
      `location / { include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME ${script(place)};
       fastcgi_keep_conn ${scene.interface === 'php-kept' ? 'on' : 'off'}; fastcgi_pass app; }`,
      upstream(place, scene.interface === 'php-kept'),
      'http1',
    ),
    php(place),
  ]),
]

function stack(
  name: string,
  interfaces: readonly Scene['interface'][],
  needs: readonly string[],
  commands: Commands,
): Stack {
  return { ...{ name, interfaces, needs, commands }, keepsAlive: true, loads: null, speaksTls: false, http2: 'no' }
}

function behindNginx(protocol: keyof typeof PASS): Stack {
  return stack(`nginx + jumak by ${protocol}`, ['front'], [NGINX, JUMAK], (scene, workers, place) => {
    const address = `${protocol}://unix:${socketOf(place)}`
    const options = ['-b', address, '-w', String(workers), '--log-level', 'warn', '--python', venv('python')]
    return [nginxTo(protocol, place), [JUMAK, ...options, scene.app]]
  })
}

function nginxTo(protocol: keyof typeof PASS, place: Place): string[] {
  return nginx(place, `location / { ${PASS[protocol]} }`, upstream(place, true), 'http1')
}

function upstream(place: Place, isKept: boolean): string {
  return `upstream app { server unix:${socketOf(place)}; ${isKept ? `keepalive ${KEEPALIVE};` : ''} }`
}

function socketOf({ directory }: Place): string {
  return join(directory, 'app.sock')
}

function uwsgi({ app }: Scene, workers: number, place: Place): string[] {
  const options = ['--chmod-socket=666', '--processes', String(workers), '--disable-logging', '--master', '--wsgi', app]
  return [venv('uwsgi'), '--socket', socketOf(place), ...options]
}

/** `more`: of its location. */
function jumakTo(protocol: 'uwsgi' | 'fastcgi', place: Place, more: string, isKept = false): string[] {
  const file = join(place.directory, 'jumak.toml')
  writeFileSync(
    file,
    `bind = "127.0.0.1:${place.port}"
log-level = "warn"
[[upstream]]
name = "back"
servers = ["unix:${socketOf(place)}"]
${isKept ? `keepalive = ${KEEPALIVE}` : 'keepalive = 0'}
[[site]]
locations = [{ match = "/", ${protocol} = "back"${more} }]
`,
  )
  return [JUMAK, '-c', file]
}

/** Returns its path. */
function script({ directory }: Place): string {
  const file = join(directory, 'hello.php')
  writeFileSync(file, '<?php header("Content-Type: text/plain"); echo "Hello, world!";\n')
  return file
}

/** As many processes as clients have connections, so that nobody waits for one. */
function php(place: Place): string[] {
  const file = join(place.directory, 'fpm.conf')
  const account = process.getuid?.() === 0 ? 'user = root\ngroup = root\n' : ''
  writeFileSync(
    file,
    `[global]\nerror_log = ${place.directory}/fpm.log\ndaemonize = no\n[www]\nlisten = ${socketOf(place)}\nlisten.mode = 0666\nlisten.backlog = 2048\n${account}pm = static\npm.max_children = 20\n`,
  )
  return [PHP_FPM, '--nodaemonize', '--allow-to-run-as-root', '--fpm-config', file]
}
