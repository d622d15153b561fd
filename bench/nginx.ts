/** nginx: in front of a peer, as an upstream whose connections it keeps open, and alone with files. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './stacks.ts'

export const NGINX = '/usr/sbin/nginx'
/** Idle connections to a server that a proxy keeps: as many as Jumak by itself. */
export const KEEPALIVE = 128

/**
 * @param server - `unix:PATH` or `host:port`. `files`: the directory of what is below /static/; null: there is none. `ofLocation`: more of what
 *   holds for what goes to the server.
 */
export function nginxBefore(
  server: string,
  protocol: 'http' | 'uwsgi',
  place: Place,
  http: 'http1' | 'http2',
  files: string | null,
  ofLocation = '',
): string[] {
  const pass =
    protocol === 'uwsgi'
      ? 'include /etc/nginx/uwsgi_params; uwsgi_pass app;'
      : `proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade;
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;`
  const ofFiles = files === null ? '' : `${SENDFILE} ${below(files)}`
  const more = `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app { server ${server}; keepalive ${KEEPALIVE}; }`
  return nginx(place, `location / { ${pass} ${ofLocation} } ${ofFiles}`, more, http)
}

/** @param files - The directory of what is below /static/. */
export function nginxFiles(files: string, place: Place): string[] {
  return nginx(place, below(files), SENDFILE, 'http1')
}

const SENDFILE = 'sendfile on; tcp_nopush on;'
const below = (files: string) => `location /static/ { alias ${files}/; }`

/** What its documentation advises for TLS, and its own defaults else. Everything that it writes is under `directory`. */
export function nginx(
  { port, directory, certificate }: Place,
  locations: string,
  more: string,
  http: 'http1' | 'http2',
): string[] {
  const file = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(directory, name), { recursive: true })
  // Its workers must reach what is in our directory.
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  const tls =
    certificate === null
      ? ''
      : `ssl_certificate ${certificate.certificate}; ssl_certificate_key ${certificate.key}; ssl_protocols TLSv1.2 TLSv1.3;`
  writeFileSync(
    file,
    `${user}daemon off; worker_processes 1; worker_rlimit_nofile 40000; pid ${directory}/nginx.pid; error_log stderr error;
events { worker_connections 20000; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 600;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  ${more}
  server { listen 127.0.0.1:${port}${certificate === null ? '' : ' ssl'}${http === 'http2' ? ' http2' : ''} backlog=2048; ${tls} ${locations} }
}
`,
  )
  return [NGINX, '-e', 'stderr', '-c', file]
}
