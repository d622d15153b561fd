/** A configuration for nginx. What Jumak has as a default and nginx has not stands at the top. */
import type { SpecAccess, SpecLocation, SpecSettings, SpecSite, SpecStep } from './spec.ts'
import { MAP, NETWORKS, PARTS } from './variables.ts'

export interface NginxPlace {
  readonly port: number
  /** What `app` goes to. */
  readonly echo: number
  readonly files: string
  readonly directory: string
}

export function toNginx(sites: readonly SpecSite[], place: NginxPlace): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  return `${user}daemon off; worker_processes 1; pid ${place.directory}/nginx.pid; error_log stderr crit;
events { worker_connections 500; }
http {
  access_log off; auth_basic_user_file ${place.directory}/users; absolute_redirect off; server_tokens off; if_modified_since before;
  ${sites.some(({ mergeSlashes }) => mergeSlashes === false) ? 'merge_slashes off;' : ''} default_type application/octet-stream;
  types { text/html html; text/plain txt; image/png png; text/css css; }
  charset utf-8; charset_types text/html text/xml text/plain text/css application/json;
  ${temporary.map(name => `${name}_temp_path ${place.directory}/${name};`).join(' ')}
  server_names_hash_max_size 4096; server_names_hash_bucket_size 128; variables_hash_max_size 2048;
  ${block('geo $arg_ip $net', pairs(NETWORKS))}
  ${block(
    'split_clients "$arg_ip$arg_q" $part',
    PARTS.map(part => `${part};`),
  )}
  ${block('map $arg_q $mapped', pairs(MAP))}
  server {
    listen 127.0.0.1:${place.port} default_server; server_name _; set $mine ""; return 404;
    location ~ ^/(?<first>[a-z]+)/ { return 404; }
  }
${sites.map(site => server(site, place)).join('\n')}
}
`
}

function server(site: SpecSite, place: NginxPlace): string {
  const inner = [
    `listen 127.0.0.1:${place.port};`,
    `server_name ${site.name};`,
    ...settings(site, place),
    ...site.steps.map(step),
    ...site.locations.map(one => location(one, place)),
  ]
  return block('server', inner)
}

function location(one: SpecLocation, place: NginxPlace): string {
  const inner = [
    ...(one.internal ? ['internal;'] : []),
    ...settings(one, place),
    ...(one.limitExcept === undefined
      ? []
      : [block(`limit_except ${one.limitExcept.methods}`, access(one.limitExcept))]),
    ...one.steps.map(step),
    ...(one.app
      ? [
          `proxy_pass http://127.0.0.1:${place.echo};`,
          'proxy_set_header X-Seen "$uri|$args";',
          'proxy_http_version 1.1;',
        ]
      : []),
    ...(one.alias === undefined ? [] : [`alias ${quoted(place.files + one.alias)};`]),
    ...one.locations.map(nested => location(nested, place)),
  ]
  const [, sign = '', path = ''] = /^(=|\^~|~\*?)? ?(.*)$/.exec(one.match)!
  return block(`location ${sign} ${quoted(path)}`, inner)
}

function access({ access, satisfy, basic, request, secureLink, referers }: SpecAccess): string[] {
  return [
    ...(access ?? []).map(rule => `${rule};`),
    ...(satisfy === undefined ? [] : [`satisfy ${satisfy};`]),
    ...(basic === undefined ? [] : [`auth_basic ${quoted(basic)};`]),
    ...(secureLink === undefined
      ? []
      : [`secure_link ${quoted(secureLink[0])};`, `secure_link_md5 ${quoted(secureLink[1])};`]),
    ...(referers === undefined ? [] : [`valid_referers ${referers.map(quoted).join(' ')};`]),
    ...(request === undefined ? [] : [`auth_request ${request};`]),
  ]
}

function settings(of: SpecSettings, { files }: NginxPlace): string[] {
  return [
    ...access(of),
    ...(of.root === undefined ? [] : [`root ${quoted(files + of.root)};`]),
    ...(of.index === undefined ? [] : [`index ${of.index.join(' ')};`]),
    ...(of.headers ?? []).map(([name, value, always]) => `add_header ${name} ${quoted(value)} ${always};`),
    ...(of.expires === undefined ? [] : [`expires ${of.expires};`]),
    ...(of.errorPage ?? []).map(rule => `error_page ${rule};`),
    ...(of.defaultType === undefined ? [] : [`default_type ${of.defaultType};`]),
    ...(of.charset === undefined ? [] : [`charset ${of.charset};`]),
    ...(of.absoluteRedirect === undefined ? [] : [`absolute_redirect ${of.absoluteRedirect ? 'on' : 'off'};`]),
    ...(of.ifModifiedSince === undefined ? [] : [`if_modified_since ${of.ifModifiedSince};`]),
    ...(of.limitRate === undefined ? [] : [`limit_rate ${of.limitRate};`]),
    ...(of.tryFiles === undefined ? [] : [`try_files ${of.tryFiles.join(' ')};`]),
  ]
}

function step(one: SpecStep): string {
  switch (one.kind) {
    case 'rewrite':
      return `rewrite ${quoted(one.from!)} ${quoted(one.to!)} ${one.flag ?? ''};`
    case 'return':
      return `return ${one.status}${one.text === undefined ? '' : ` ${quoted(one.text)}`};`
    case 'set':
      return `set $${one.name} ${quoted(one.value!)};`
    case 'break':
      return 'break;'
    case 'if': {
      const test = /^(!?-[fdex]) (.*)$/.exec(one.condition!)
      if (test !== null) return block(`if (${test[1]} ${quoted(test[2]!)})`, one.steps!.map(step))
      const [, value, sign, to] = /^(\S+)(?: (\S+) (.*))?$/.exec(one.condition!)!
      return block(`if (${value}${sign === undefined ? '' : ` ${sign} ${quoted(to!)}`})`, one.steps!.map(step))
    }
  }
}

function pairs(table: Readonly<Record<string, string>>): string[] {
  return Object.entries(table).map(([key, value]) => `${/^[\w.:/]+$/.test(key) ? key : quoted(key)} ${quoted(value)};`)
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function block(head: string, inner: readonly string[]): string {
  return `${head} {\n${inner.map(line => line.replace(/^/gm, '  ')).join('\n')}\n}`
}
