/** Settings of the answers when something is wrong. */
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
    why: 'The built-in page is short and says what is wrong. Your visitors should see yours.',
    doc: 'Your own page for a status, as in 502=errors/502.html; repeatable.',
    more:
      'For answers of Jumak itself: 400, 403, 404, 408, 413, 414, 431, 500, 502, 503, 504, 507. Answers of the application are never ' +
      'changed. `.html`, `.json` and `.txt` may stand beside one another, and the client gets the one that it prefers (`Accept`). With a page for 404 ' +
      'a file that is missing below a URL of `static` gets this page, and the application is not asked. The files are read at the start ' +
      'and at each HUP; they are UTF-8, and 256 KiB at most. The response has the id of the request as `X-Request-ID`.',
    repeatable: 'words',
    change: 'live',
  }),
}
