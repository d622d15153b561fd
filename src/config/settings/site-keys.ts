/**
 * Keys of `[[site]]`, of its locations and rewrites. They are defined as settings are, so the reference, the schema and all messages are made
 * from them. What nginx has too has nginx's name, with hyphens.
 */

import { TOKEN } from '../../base/token.ts'
import { parseBind, toAbsoluteBind } from '../kinds/bind.ts'
import { oneOf, onOrOff, size, text } from '../kinds/kinds.ts'
import {
  parseCondition,
  parseErrorTarget,
  parseExpires,
  parseMatch,
  parseReturn,
  parseSiteName,
} from '../kinds/site-words.ts'
import { accessSettings, methodKeys } from './access-keys.ts'
import { compressionKeys } from './compression-keys.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { none, ofFile, pair, template, word } from './site-kinds.ts'
import { proxy, proxySettings } from './upstream-keys.ts'

const directory = text(
  'path of a directory, may have variables',
  written => (written === '' || /[\0\r\n]/.test(written) ? { problem: 'must name a directory' } : { value: written }),
  { absolute: (written, from) => (written === '' || written.startsWith('$') ? written : keepSlash(written, from)) },
)

function keepSlash(written: string, from: (path: string) => string): string {
  const absolute = from(written)
  return written.endsWith('/') && absolute !== '/' ? `${absolute}/` : absolute
}

/** What answers in a location. One of them at most. */
export const handlerKeys = {
  app: input<string>({
    ...ofFile,
    ...none,
    name: 'app',
    placeholder: 'NAME',
    kind: word(
      'name of an application',
      /^[a-z0-9][a-z0-9_-]{0,31}$/,
      'must be the name of an application, or default',
    ),
    why: 'A location may be for files alone.',
    doc: 'Application that gets the requests; `default` is the one at the top of the file.',
  }),
  root: input<string>({
    ...ofFile,
    ...none,
    name: 'root',
    placeholder: 'DIR',
    kind: directory,
    why: 'Nothing is public that was not named.',
    doc: 'Directory of files; the whole path of the request is below it.',
    more: '`root = "/srv/www"` has `/srv/www/static/x` for `/static/x`. Names that begin with a dot are not served, but `.well-known`, nor what a link leads to outside the directory.',
  }),
  proxy,
  alias: input<string>({
    ...ofFile,
    ...none,
    name: 'alias',
    placeholder: 'DIR',
    kind: directory,
    why: 'Nothing is public that was not named.',
    doc: 'Directory of files; it stands for the prefix of the location.',
    more: '`alias = "/srv/media/"` in the location `/m/` has `/srv/media/x` for `/m/x`. Both end with a slash.',
  }),
  return: input({
    ...ofFile,
    ...none,
    name: 'return',
    placeholder: 'STATUS',
    kind: { ...text('status, status and text, or a URL', parseReturn), literals: ['integer'] },
    why: 'Most locations have something to give.',
    doc: 'Answer with a status, a text or a URL: 404, "301 https://example.kr$request_uri", "200 ok".',
    more: '444 closes the connection without an answer.',
  }),
  redirect: input<string>({
    ...ofFile,
    ...none,
    name: 'redirect',
    placeholder: 'URL',
    kind: template('URL, may have variables'),
    why: 'Only the operator knows where a name has moved.',
    doc: 'Permanent redirect (301), as in "https://shop.example.kr$request_uri".',
    more: 'Browsers keep it for a long time. `return = "302 …"` is for a while.',
  }),
}

/** What a location inherits from its site: the nearest value as a whole. */
export const locationSettings = {
  ...accessSettings,
  index: input<string>({
    ...ofFile,
    name: 'index',
    placeholder: 'NAME',
    kind: template('name of a file'),
    default: 'index.html',
    why: 'It is the name that everybody uses.',
    doc: 'Files that stand for their directory; a list.',
    repeatable: 'words',
  }),
  autoindex: input({
    ...ofFile,
    name: 'autoindex',
    placeholder: 'FORM',
    kind: oneOf(['off', 'html', 'json'], { on: 'html', yes: 'html', true: 'html' }),
    default: 'off',
    why: 'A list shows what nobody has linked to.',
    doc: 'List of a directory without index: off, html or json.',
    more: 'It has what a request would find: no hidden names, and no links that lead out of the directory. JSON is as of nginx: `name`, `type`, `mtime` and `size`. Of a directory with more than 5,000 names some are left out: the page says so, and JSON has the field `X-List-Truncated`.',
  }),
  tryFiles: input<string>({
    ...ofFile,
    ...none,
    name: 'try-files',
    placeholder: 'PATH',
    kind: template('path, may have variables'),
    why: 'A path names one thing.',
    doc: 'Files to try in this order; the last is where it goes if none is there: a path, @name or =404.',
    more: 'As in `["$uri", "$uri/", "/index.html"]`. A slash at the end asks for a directory.',
    repeatable: 'words',
  }),
  expires: input({
    ...ofFile,
    name: 'expires',
    placeholder: 'TIME',
    kind: text('time (`30d`, `1y`, `-1`), `off`, `auto`, `epoch`, `max`', parseExpires),
    default: 'auto',
    why: 'A hash in the name of a file says that it never changes; a page must be asked for.',
    doc: 'How long browsers keep the response: Expires and Cache-Control.',
    more: '`auto`: files with a hash of their content in the name for a year, other files are asked for each time, and an application says it itself. `off` adds nothing.',
  }),
  addHeaders: input({
    ...ofFile,
    ...none,
    name: 'add-headers',
    placeholder: 'TABLE',
    kind: pair(TOKEN, 'must have names of header fields'),
    why: 'Applications have headers of their own.',
    doc: 'Fields for successful responses and redirects, as in { X-Frame-Options = "DENY" }.',
    repeatable: 'words',
  }),
  addHeadersAlways: input({
    ...ofFile,
    ...none,
    name: 'add-headers-always',
    placeholder: 'TABLE',
    kind: pair(TOKEN, 'must have names of header fields'),
    why: 'Caching fields of a file are wrong for its 404.',
    doc: 'Fields for all responses, errors too.',
    repeatable: 'words',
  }),
  errorPage: input({
    ...ofFile,
    ...none,
    name: 'error-page',
    placeholder: 'RULE',
    kind: text('statuses, then what is asked for in their place', parseErrorTarget),
    why: 'Jumak has pages of its own.',
    doc: 'What an error becomes: "404 /404.html", "500 502 =200 @other"; a list.',
    more: 'The page is asked for within the site, by GET. The status stays unless there is one after `=`; `=` alone takes that of the page. It is for errors of Jumak and of files; with `intercept-errors` also for those of an application.',
    repeatable: 'words',
  }),
  interceptErrors: input<boolean>({
    ...ofFile,
    name: 'intercept-errors',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Applications have pages of their own.',
    doc: 'error-page is also for errors that an application answers with.',
  }),
  types: input({
    ...ofFile,
    default: null,
    defaultText: 'the usual ones',
    name: 'types',
    placeholder: 'TABLE',
    kind: pair(/^[A-Za-z0-9_+-]{1,32}$/, 'must have extensions without a dot'),
    why: 'The registry of media types is known.',
    doc: 'Media types by extension, in place of the usual ones: { wasm = "application/wasm" }.',
    repeatable: 'words',
  }),
  defaultType: input<string>({
    ...ofFile,
    name: 'default-type',
    placeholder: 'TYPE',
    kind: word('media type', /^[\w.+-]+\/[\w.+-]+$/, 'must be a media type, as in text/plain'),
    default: 'application/octet-stream',
    why: 'A browser saves what it does not know.',
    doc: 'Media type of other files.',
    more: 'It is `text/plain` for the text of a `return`, unless the location says something else.',
  }),
  charset: input<string>({
    ...ofFile,
    name: 'charset',
    placeholder: 'NAME',
    kind: word('name of a charset, or `off`', /^[A-Za-z0-9._-]{1,32}$/, 'must be the name of a charset, as in utf-8'),
    default: 'utf-8',
    why: 'Text is UTF-8 today, and without it a browser may guess another encoding.',
    doc: 'Charset in the media type of text files.',
  }),
  etag: input<boolean>({
    ...ofFile,
    name: 'etag',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'It makes a second visit cheap.',
    doc: 'Entity tags of files.',
  }),
  ...compressionKeys,
  absoluteRedirect: input<boolean>({
    ...ofFile,
    name: 'absolute-redirect',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Behind a proxy or in a container the program does not know its own address.',
    doc: 'Redirects to a path name scheme and host.',
  }),
  portInRedirect: input<boolean>({
    ...ofFile,
    name: 'port-in-redirect',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'It counts only with absolute-redirect.',
    doc: 'Absolute redirects name the port, unless it is the usual one.',
  }),
  bodyLimit: input<number>({
    ...ofFile,
    default: null,
    defaultText: 'that of the application',
    name: 'limit-request-body',
    placeholder: 'SIZE',
    kind: size(0, 2 ** 50),
    why: 'The application knows what it takes.',
    doc: 'Bytes of content that a request may have here; more is 413.',
  }),
  ...proxySettings,
}

/** Keys of a location. */
export const locationKeys = {
  match: input({
    ...ofFile,
    ...none,
    name: 'match',
    placeholder: 'PATH',
    kind: text('`/prefix/`, `= /exact`, `^~ /prefix/`, `~ regex`, `~* regex`, `@name`', parseMatch),
    why: 'It must be given.',
    doc: 'Paths that the location is for: a prefix, "= /exact", "^~ /prefix/", "~ regex", "~* regex", "@name".',
    more: 'The longest prefix wins, then the first regular expression that matches; `^~` keeps them out, and `=` comes before all.',
  }),
  ...handlerKeys,
  ...locationSettings,
  ...methodKeys,
  internal: input<boolean>({
    ...ofFile,
    name: 'internal',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Most locations are for clients.',
    doc: 'Only the program itself asks here (error-page, try-files, X-Accel-Redirect); clients get 404.',
  }),
}

/** Keys of `[[site]]`. */
export const siteKeys = {
  names: input({
    ...ofFile,
    default: null,
    defaultText: 'all that no other site has',
    name: 'names',
    placeholder: 'HOST',
    kind: text('name: `shop.example.kr`, `*.example.kr`, `.example.kr`, `www.*`, `~regex`', parseSiteName),
    why: 'One site is for all names that lead to this machine.',
    doc: 'Hosts of the site, as in shop.example.kr or *.example.kr; a list.',
    more: 'The exact name comes first, then the longest `*.`, the longest `.*`, regular expressions in their order, then the default site.',
    repeatable: 'words',
  }),
  listen: input({
    ...ofFile,
    default: null,
    defaultText: 'all of bind',
    name: 'listen',
    placeholder: 'ADDRESS',
    kind: text('address of `bind`', parseBind, { absolute: toAbsoluteBind }),
    why: 'A site is there on every address.',
    doc: 'Addresses of `bind` on which the site is; a list.',
    repeatable: 'words',
  }),
  isDefault: input<boolean>({
    ...ofFile,
    name: 'default',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    defaultText: 'the first site',
    why: 'Some clients name nobody.',
    doc: 'It gets requests for hosts that no site names.',
  }),
  ...handlerKeys,
  ...locationSettings,
}

/** Keys of an entry of `rewrites`. */
export const rewriteKeys = {
  if: input({
    ...ofFile,
    ...none,
    name: 'if',
    placeholder: 'CONDITION',
    kind: text(
      '`$x`, `$x = text`, `$x != text`, `$x ~ regex`, `~*`, `!~`, `!~*`, `-f PATH`, `-d`, `-e`, `-x`, `!-f` …',
      parseCondition,
    ),
    why: 'Most steps are for all requests.',
    doc: 'The step is done only then: "$arg_x", "$host = name", "$uri ~ regex", "!-f $request_filename".',
    more: '`-f` asks for a file, `-d` for a directory, `-e` for either, `-x` for what its owner may execute; links are followed wherever they lead, and what was seen is believed for a second. A name with `..` that a variable made is not there. `try-files` says the same shorter, and sees only what would be served.',
  }),
  from: input<string>({
    ...ofFile,
    ...none,
    name: 'from',
    placeholder: 'REGEX',
    kind: template('regular expression'),
    why: 'It belongs to `to`.',
    doc: 'Paths that are rewritten: a regular expression.',
  }),
  to: input<string>({
    ...ofFile,
    ...none,
    name: 'to',
    placeholder: 'PATH',
    kind: template('path or URL, may have variables and $1'),
    why: 'It belongs to `from`.',
    doc: 'The new path, or a URL, which is a redirect.',
    more: 'The query is kept, unless there is a question mark at the end.',
  }),
  flag: input({
    ...ofFile,
    name: 'flag',
    placeholder: 'WORD',
    kind: oneOf(['next', 'last', 'break', 'redirect', 'permanent']),
    default: 'next',
    why: 'The steps are done one after the other.',
    doc: 'What follows: the next step, a new search (last), nothing more here (break), a redirect (302), or permanent (301).',
  }),
  set: input({
    ...ofFile,
    ...none,
    name: 'set',
    placeholder: 'TABLE',
    kind: pair(/^[A-Za-z_]\w*$/, 'must have names of variables, without $'),
    why: 'Most sites need no variables of their own.',
    doc: 'Variables that get a value, as in { kind = "$arg_kind" }.',
    repeatable: 'words',
  }),
  return: handlerKeys.return,
  break: input<boolean>({
    ...ofFile,
    name: 'break',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Steps go on to the end.',
    doc: 'No more steps here.',
  }),
}

export const SITE_KEYS: readonly Setting[] = settingsIn(siteKeys)
export const LOCATION_KEYS: readonly Setting[] = settingsIn(locationKeys)
export const REWRITE_KEYS: readonly Setting[] = settingsIn(rewriteKeys)
