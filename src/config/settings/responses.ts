/** Setting of what every response has. */

import { text } from '../kinds/kinds.ts'
import { parseResponseHeader, type ResponseHeader } from '../kinds/response-header.ts'
import { input } from './setting.ts'

export const responses = {
  responseHeaders: input<ResponseHeader>({
    name: 'response-header',
    section: 'Listening',
    placeholder: 'HEADER',
    kind: text('`NAME: VALUE`', parseResponseHeader),
    default: null,
    defaultText: 'none',
    why: 'The application sets its headers.',
    doc: 'Header of every response, in front of its own, as in Server:shop; repeatable.',
    more: 'It stands beside a header of the same name that the application sets. The handshake of a WebSocket does not have it.',
    repeatable: 'words',
    change: 'restart',
  }),
}
