/**
 * What a site or a location says of FastCGI, SCGI and uwsgi: who gets the requests, and which variables. Defined as settings are
 * (`site-keys.ts`), with nginx's names and hyphens. Time-outs and other servers are those of `proxy` (`upstream-keys.ts`).
 */
import type { ServerProtocol } from '../../sites/upstream-model.ts'
import { text } from '../kinds/kinds.ts'
import { parseScriptServer } from '../kinds/upstream-words.ts'
import { input } from './setting.ts'
import { none, ofFile, pair } from './site-kinds.ts'

const server = (protocol: ServerProtocol, doc: string, more: string) =>
  input({
    ...ofFile,
    ...none,
    name: protocol,
    placeholder: 'SERVER',
    kind: text('`unix:PATH`, `HOST:PORT`, or the name of an `[[upstream]]`', parseScriptServer, {
      absolute: (written, from) => written.replace(/^unix:(.+)/, (_, path: string) => `unix:${from(path)}`),
    }),
    why: 'Requests stay on this machine unless somebody says otherwise.',
    doc,
    more,
  })

/** In the place of an application or of files (`handlerKeys`). */
export const scriptKeys = {
  fastcgi: server(
    'fastcgi',
    'Server of FastCGI that gets the requests, as in unix:/run/php/php-fpm.sock.',
    'It gets the variables that `fastcgi_params` and `fastcgi.conf` of nginx have, `SCRIPT_FILENAME` among them. Each request has a connection of its own, unless it is an `[[upstream]]` with `keepalive`. What the server writes to its standard error is in the log. `proxy-connect-timeout`, `proxy-read-timeout`, `proxy-next-upstream` and the like are for it too.',
  ),
  scgi: server(
    'scgi',
    'Server of SCGI that gets the requests, as in 127.0.0.1:4000.',
    'It gets the variables of `scgi_params` of nginx, and `SCRIPT_NAME` and `PATH_INFO`. `proxy-connect-timeout` and the like are for it too.',
  ),
  uwsgi: server(
    'uwsgi',
    'Server of the protocol uwsgi that gets the requests, as in unix:/run/app.sock.',
    'It gets the variables of `uwsgi_params` of nginx. `proxy-connect-timeout` and the like are for it too.',
  ),
}

const NAME = /^(?!JUMAK_)[A-Za-z_][A-Za-z0-9_]{0,127}$/

const params = (name: string, example: string) =>
  input({
    ...ofFile,
    ...none,
    name,
    placeholder: 'TABLE',
    kind: pair(NAME, 'must have names of variables: letters, digits and _; those with JUMAK_ are our own'),
    why: 'The usual ones are sent by themselves.',
    doc: `Further variables of a request, as in ${example}; an empty value sends none.`,
    more: 'The text may have variables. It replaces a usual variable of the same name, and a header of the client that would have it. A table replaces the table of the site as a whole.',
    repeatable: 'words',
  })

/** What a location inherits: the nearest value as a whole. */
export const paramKeys = {
  fastcgiParams: params('fastcgi-params', '{ APP_ENV = "production" }'),
  scgiParams: params('scgi-params', '{ SCRIPT_NAME = "/app" }'),
  uwsgiParams: params('uwsgi-params', '{ UWSGI_SCHEME = "$scheme" }'),
  cgiParams: params('cgi-params', '{ GIT_PROJECT_ROOT = "/srv/git" }'),
  fastcgiIndex: input<string>({
    ...ofFile,
    ...none,
    name: 'fastcgi-index',
    placeholder: 'NAME',
    kind: text('name of a file', written =>
      /^[^/\0\r\n$]+$/.test(written) ? { value: written } : { problem: 'must be the name of a file, as in index.php' },
    ),
    why: '`index` finds the script of a directory.',
    doc: 'Script for a path that ends in a slash, as in index.php.',
  }),
  splitPathInfo: input<string>({
    ...ofFile,
    ...none,
    name: 'fastcgi-split-path-info',
    placeholder: 'REGEX',
    kind: text('regular expression with two groups', written =>
      /[\0\r\n]/.test(written) ? { problem: 'must be one line' } : { value: written },
    ),
    why: 'Most scripts are the whole path.',
    doc: "Where a path's script ends and PATH_INFO begins: the two groups of '^(.+\\.php)(/.*)$'.",
    more: 'Put `try-files = ["$fastcgi_script_name", "=404"]` beside it: a script that is not there must not be asked for, since PHP may run another file in its place.',
  }),
}
