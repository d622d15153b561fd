/** Setting of static files. */

import { text } from '../kinds/kinds.ts'
import { parseStatic, type StaticMount, toAbsoluteStatic } from '../kinds/static-mount.ts'
import { input } from './setting.ts'

export const staticFiles = {
  staticMounts: input<StaticMount | null>({
    name: 'static',
    section: 'Static files',
    placeholder: 'URL=DIR',
    kind: text('`URL=DIR`, in a file also a table, or `off`', parseStatic, {
      literals: ['false'],
      json: { anyOf: [{ type: 'string' }, { const: false }] },
      absolute: toAbsoluteStatic,
      table: 'also',
    }),
    default: null,
    defaultText: 'found for Django',
    why: 'The settings of a Django project (STATIC_URL, STATIC_ROOT) say what to serve, and the log says what was found.',
    doc: 'Files below a URL, as in /static/=public; repeatable; off: none.',
    more: "The application answers for a file that is not there. At the start the log says where a Django project's files come from, or why there are none. With `reload` and `DEBUG` the finders of `django.contrib.staticfiles` find the files, as with `runserver`, and not `STATIC_ROOT`. With `off` the settings of a Django project are not read.",
    repeatable: 'words',
    change: 'restart',
  }),
}
