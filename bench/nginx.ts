/** nginx in front of a peer, as an upstream whose connections it keeps open. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const NGINX = '/usr/sbin/nginx'

/** @param server - `unix:PATH` or `host:port`. Everything that nginx writes is under `directory`. */
export function nginxCommand(port: number, server: string, protocol: 'http' | 'uwsgi', directory: string): string[] {
  const file = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(directory, name), { recursive: true })
  const pass =
    protocol === 'uwsgi'
      ? 'include /etc/nginx/uwsgi_params; uwsgi_pass app;'
      : `proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection $connection_upgrade;
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $host;`
  // Its workers must reach the socket in our directory.
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  writeFileSync(
    file,
    `${user}daemon off; worker_processes 1; worker_rlimit_nofile 40000; pid ${directory}/nginx.pid; error_log stderr error;
events { worker_connections 20000; }
http {
  access_log off; keepalive_requests 1000000; keepalive_timeout 600;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream app { server ${server}; keepalive 64; }
  server { listen 127.0.0.1:${port} backlog=2048; location / { ${pass} } }
}
`,
  )
  return [NGINX, '-e', 'stderr', '-c', file]
}
