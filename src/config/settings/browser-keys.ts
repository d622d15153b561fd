/** What a location adds to every response for browsers: security headers, CORS, flags of cookies. The nearest value counts as a whole. */
import { TOKEN } from '../../base/token.ts'
import { duration, oneOf, onOrOff, text } from '../kinds/kinds.ts'
import { parseCookieFlags, parseOrigin, SECURE_HEADERS } from '../kinds/response-words.ts'
import { input } from './setting.ts'
import { none, ofFile, word } from './site-kinds.ts'

function describeSecure(): string {
  return SECURE_HEADERS.flatMap((name, i) => (i % 2 === 0 ? [`\`${name}: ${SECURE_HEADERS[i + 1]}\``] : [])).join(', ')
}

export const browserKeys = {
  headers: input({
    ...ofFile,
    name: 'headers',
    placeholder: 'WORD',
    kind: oneOf(['off', 'secure']),
    default: 'off',
    why: 'Frameworks send some of them, and pages may rely on their absence.',
    doc: "secure: today's security headers, for responses that have no such field.",
    more: `These are ${describeSecure()}. What the application or \`add-headers\` says counts. \`hsts\` is a setting of its own; a Content-Security-Policy is written with \`add-headers-always\`, since it has to know the page.`,
  }),
  cors: input({
    ...ofFile,
    ...none,
    name: 'cors',
    placeholder: 'ORIGIN',
    kind: text('`https://app.example.kr`, `https://*.example.kr`, `*`, `off`', parseOrigin),
    why: 'No page of another site reads responses unless you say so.',
    doc: 'Origins whose pages may read responses, as in "https://app.example.kr"; a list.',
    more: 'Questions of browsers before a request (preflights) are answered at once, 204, or 403 for another origin. A response that says `Access-Control-Allow-Origin` itself stays as it is. `*.` is for all names below.',
    repeatable: 'words',
  }),
  corsMethods: input<string>({
    ...ofFile,
    name: 'cors-methods',
    placeholder: 'METHOD',
    kind: word('method', /^[A-Z]{1,20}$/, 'must be a method in capitals'),
    default: 'GET\nHEAD\nPOST\nPUT\nPATCH\nDELETE',
    defaultText: 'GET, HEAD, POST, PUT, PATCH, DELETE',
    why: 'An API has these.',
    doc: 'Methods that these pages may use; a list.',
    repeatable: 'words',
  }),
  corsHeaders: input<string>({
    ...ofFile,
    name: 'cors-headers',
    placeholder: 'NAME',
    kind: word('name of a header field', TOKEN, 'must be the name of a header field'),
    default: 'Authorization\nContent-Type\nX-CSRFToken\nX-Requested-With',
    defaultText: 'Authorization, Content-Type, X-CSRFToken, X-Requested-With',
    why: 'Applications with JSON and logins need these.',
    doc: 'Header fields that these pages may send; a list.',
    repeatable: 'words',
  }),
  corsExposed: input<string>({
    ...ofFile,
    ...none,
    name: 'cors-exposed',
    placeholder: 'NAME',
    kind: word('name of a header field', TOKEN, 'must be the name of a header field'),
    why: 'Every page may read Content-Type and the other usual ones.',
    doc: 'Header fields of responses that these pages may read, as in X-Total-Count; a list.',
    repeatable: 'words',
  }),
  corsCredentials: input<boolean>({
    ...ofFile,
    name: 'cors-credentials',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'With it such a page acts as the user who is logged in.',
    doc: 'These pages may send the cookies of the user.',
  }),
  corsMaxAge: input<number>({
    ...ofFile,
    name: 'cors-max-age',
    placeholder: 'TIME',
    kind: duration('each request asks'),
    default: '1h',
    why: 'Longer than two hours no browser keeps it.',
    doc: 'How long a browser keeps the answer to such a question.',
  }),
  cookieFlags: input({
    ...ofFile,
    ...none,
    name: 'cookie-flags',
    placeholder: 'RULE',
    kind: text('name of a cookie or `*`, then `secure`, `httponly`, `samesite=lax` …; `off`', parseCookieFlags),
    why: 'Frameworks set them; old applications do not.',
    doc: 'Flags that cookies of the application get, as in "sessionid secure httponly samesite=lax"; a list.',
    more: 'The first rule with the name of the cookie, or `*`, counts. A flag that the cookie has stays as it is.',
    repeatable: 'words',
  }),
}
