/** Caddy and HAProxy in front of a server, with what their documents advise. They speak HTTP/1.1 to it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KEEPALIVE } from './nginx.ts'
import type { Place } from './stacks.ts'

export const CADDY = '/usr/bin/caddy'
export const HAPROXY = '/usr/sbin/haproxy'

/** Caddy with one site. `options`: lines for all of it; `site`: its address and what it does. */
export function caddy({ directory }: Place, options: string, site: string): string[] {
  const file = join(directory, 'Caddyfile')
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
  default_bind 127.0.0.1
  storage file_system ${directory}/caddy
  log {
    level ERROR
  }
${options}}
${site}`,
  )
  return [CADDY, 'run', '--config', file]
}

export function caddyBefore(server: string, place: Place): string[] {
  const { port, certificate } = place
  return caddy(
    place,
    `  servers {
    protocols h1 h2
  }
`,
    `${certificate === null ? 'http://' : ''}:${port} {
  ${certificate === null ? '' : `tls ${certificate.certificate} ${certificate.key}`}
  reverse_proxy ${server} {
    transport http {
      keepalive_idle_conns_per_host ${KEEPALIVE}
    }
  }
}
`,
  )
}

export function haproxyBefore(server: string, { port, directory, certificate }: Place): string[] {
  const [file, pem] = [join(directory, 'haproxy.cfg'), join(directory, 'haproxy.pem')]
  if (certificate !== null) {
    const both = `${readFileSync(certificate.certificate, 'latin1')}${readFileSync(certificate.key, 'latin1')}`
    writeFileSync(pem, both, { mode: 0o600 })
  }
  writeFileSync(
    file,
    `global
  maxconn 8000
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend clients
  bind 127.0.0.1:${port}${certificate === null ? '' : ` ssl crt ${pem} alpn h2,http/1.1`}
  default_backend application
backend application
  server one ${server} pool-max-conn ${KEEPALIVE}
`,
  )
  return [HAPROXY, '-f', file]
}
