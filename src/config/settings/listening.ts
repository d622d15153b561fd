/** Settings of the addresses. */
import { parseBind } from '../bind.ts'
import { parsedBy } from './schemas.ts'
import { defineSetting } from './setting.ts'

export const bind = defineSetting({
  name: 'bind',
  short: 'b',
  section: 'Listening',
  placeholder: 'ADDRESS',
  schema: parsedBy(parseBind),
  // gunicorn's and Django's own; open to this machine only until somebody asks for more.
  default: '127.0.0.1:8000',
  doc: 'Where to listen: HOST:PORT, :PORT (all IPv4 addresses), PORT (this machine only), [::1]:PORT or unix:PATH; repeatable; port 0 takes a free one.',
  repeatable: true,
  change: 'restart',
})
