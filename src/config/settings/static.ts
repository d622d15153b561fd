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
    why: 'A Django project says in its settings (STATIC_URL, STATIC_ROOT) what it wants served, and what was found is said.',
    doc: 'Files below a URL, as in /static/=public; repeatable; off: none.',
    more: "What is not there is asked of the application. A start says where a Django project's files come from, or why there are none. With `reload` and `DEBUG` the finders of `django.contrib.staticfiles` are asked, as `runserver` does, and not `STATIC_ROOT`. With `off` the settings of a Django project are not looked at.",
    repeatable: 'words',
    change: 'restart',
  }),
}
