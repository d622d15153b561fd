/**
 * Keys of sites and locations that say who is let in. They are part of those of `site-keys.ts`. What nginx has too has nginx's name, with
 * hyphens.
 */
import { parseAccessRule, parseAskedPath, parseMethods, parseRealm, parseReferer } from '../kinds/access-words.ts'
import { oneOf, path, text } from '../kinds/kinds.ts'
import { input } from './setting.ts'
import { none, ofFile, pair, template } from './site-kinds.ts'

const ruleKind = text('`allow` or `deny`, and an address, a range, `unix:` or `all`', parseAccessRule)

/** What a location inherits from its site: the nearest value as a whole. */
export const accessSettings = {
  access: input({
    ...ofFile,
    ...none,
    name: 'access',
    placeholder: 'RULE',
    kind: ruleKind,
    why: 'A site is for everybody.',
    doc: 'Addresses that are let in: "allow 10.0.0.0/8", "deny all"; a list, the first that has the address decides.',
    more: 'An address that no rule has is let in. It is the address of the client, as `trusted-proxies` say. `unix:` is who comes by a Unix socket. A `return` answers before anybody is asked.',
    repeatable: 'words',
  }),
  authBasic: input<string>({
    ...ofFile,
    default: 'off',
    name: 'auth-basic',
    placeholder: 'REALM',
    kind: text('name of what is guarded, may have variables, or `off`', parseRealm),
    why: 'A site is for everybody.',
    doc: 'A password is asked for (HTTP Basic): the name of what it guards, as in "Staff".',
    more: 'Browsers show the name. The passwords are in `auth-users`. The application gets the user as REMOTE_USER, or in `scope["extensions"]["jumak.user"]`. Passwords are safe over TLS only.',
  }),
  authUsers: input<string | null>({
    ...ofFile,
    ...none,
    name: 'auth-users',
    placeholder: 'FILE',
    kind: path('must name a file'),
    why: 'There is no password that everybody knows.',
    doc: 'Names and hashes of passwords, a line each, as `jumak password` and `htpasswd` make them.',
    more: 'bcrypt, Argon2, SHA-crypt (`$5$`, `$6$`), MD5-crypt (`$1$`, `$apr1$`), `{SHA}`, `{SSHA}` and `{PLAIN}` are possible. The file is read at the start, and again at HUP, by the user that starts the program: the gateway need not be able to read it.',
  }),
  authRequest: input<string>({
    ...ofFile,
    default: 'off',
    name: 'auth-request',
    placeholder: 'PATH',
    kind: text('path of the same site, or `off`', parseAskedPath),
    why: 'Applications decide for themselves.',
    doc: 'Another path of the site is asked first: 2xx lets the client in, 401 and 403 refuse it, all else is 500.',
    more: 'It is asked by GET, without content, with the fields of the request and with X-Original-URI and X-Original-Method. Its own location may be `internal`, and asks for nothing itself. WWW-Authenticate of a 401 goes to the client.',
  }),
  authRequestSet: input({
    ...ofFile,
    ...none,
    name: 'auth-request-set',
    placeholder: 'TABLE',
    kind: pair(/^[A-Za-z_]\w*$/, 'must have names of variables, without $'),
    why: 'The answer alone decides.',
    doc: 'Variables of the answer to auth-request, as in { user = "$upstream_http_x_user" }.',
    repeatable: 'words',
  }),
  secureLink: input<string>({
    ...ofFile,
    ...none,
    name: 'secure-link',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    why: 'Links are for everybody.',
    doc: 'The hash of a link, a comma, and when it expires: "$arg_md5,$arg_expires".',
    more: 'Then `$secure_link` is 1 for a right link, 0 for one that has expired, else empty, and a rewrite says what that means: `{ if = "$secure_link = 0", return = 410 }`. The time may be left out: `$arg_md5`.',
  }),
  secureLinkMd5: input<string>({
    ...ofFile,
    ...none,
    name: 'secure-link-md5',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    why: 'It belongs to secure-link.',
    doc: 'What the hash of a link is of, with a secret in it: "$secure_link_expires$uri my-secret".',
    more: 'The hash is the MD5 in base64url: `printf %s "2147483647/report.pdf my-secret" | openssl md5 -binary | openssl base64 | tr +/ -_ | tr -d =`.',
  }),
  validReferers: input({
    ...ofFile,
    ...none,
    name: 'valid-referers',
    placeholder: 'NAME',
    kind: text('`none`, `blocked`, `server_names`, a name, a name with a path, or `~regex`', parseReferer),
    why: 'Other pages may link here.',
    doc: 'Pages that may lead here: none, blocked, server_names, names as in *.example.kr, "~regex"; a list.',
    more: '`$invalid_referer` is 1 for others: `{ if = "$invalid_referer", return = 403 }`. `none` is a request without Referer, `blocked` one without a URL in it. A name may have the beginning of a path: `example.kr/shop/`. It keeps pictures from other pages, and nobody out who wants in.',
    repeatable: 'words',
  }),
  satisfy: input({
    ...ofFile,
    name: 'satisfy',
    placeholder: 'WORD',
    kind: oneOf(['all', 'any']),
    default: 'all',
    why: 'One lock more must not open the others.',
    doc: 'Whether all that is asked must let the client in (access, auth-basic, auth-request), or any of it.',
  }),
}

/** Keys of a location alone. */
export const methodKeys = {
  limitExcept: input({
    ...ofFile,
    ...none,
    name: 'limit-except',
    placeholder: 'METHODS',
    kind: text('methods', parseMethods),
    why: 'An application answers 405 itself.',
    doc: 'Methods that are for all whom the location lets in, as in "GET POST"; for others limit-except-access decides.',
    more: 'GET stands for HEAD too. Locations inside do not have it.',
  }),
  limitExceptAccess: input({
    ...ofFile,
    name: 'limit-except-access',
    placeholder: 'RULE',
    kind: ruleKind,
    default: 'deny all',
    why: 'It is what nearly everybody writes there.',
    doc: 'As access, for the methods that limit-except does not name.',
    repeatable: 'words',
  }),
}
