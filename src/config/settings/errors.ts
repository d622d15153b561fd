/** Settings of what is answered when something is wrong. */
import { type NamedErrorPage, parseErrorPage, toAbsoluteErrorPage } from '../kinds/error-page.ts'
import { text } from '../kinds/kinds.ts'
import { input } from './setting.ts'

export const errors = {
  errorPages: input<NamedErrorPage>({
    name: 'error-page',
    section: 'Static files',
    placeholder: 'STATUS=FILE',
    kind: text('`STATUS=FILE`, in a file also a table', parseErrorPage, {
      absolute: toAbsoluteErrorPage,
      table: 'also',
    }),
    default: null,
    defaultText: 'our own',
    why: 'A short page that says what is wrong is right for everybody, and nobody wants it on their shop.',
    doc: 'Your own page for a status, as in 502=errors/502.html; repeatable.',
    more:
      'For what Jumak answers by itself: 400, 403, 404, 408, 413, 414, 431, 500, 502, 503, 504, 507. What the application answers is never ' +
      'touched. `.html`, `.json` and `.txt` may stand beside each other, and the client gets what it prefers (`Accept`). With a page for 404 ' +
      'a file that is missing below a URL of `static` is answered with it, and the application is not asked. The files are read at the start ' +
      'and at each HUP, are in UTF-8, and have 256 KiB at most. The response has the id of the request as `X-Request-ID`.',
    repeatable: 'words',
    change: 'live',
  }),
}
