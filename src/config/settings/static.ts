/** Settings of static files, and of files that the application sends by name. */

import { path, text } from '../kinds/kinds.ts'
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
  sendfileRoots: input<string | null>({
    name: 'sendfile-roots',
    section: 'Static files',
    placeholder: 'DIR',
    kind: path('must name a directory that exists'),
    default: null,
    defaultText: 'none',
    why: 'A name that the application took from a client must not lead to any other file.',
    doc: 'Directory whose files the application may send by X-Sendfile; repeatable.',
    more: 'The application answers 200 with the header `X-Sendfile` and the absolute name of a file, and Jumak sends that file, with ranges and conditions, in the place of the content: no worker is busy meanwhile. `Content-Type`, `Content-Disposition`, `Cache-Control` and other fields are those of the application. Hidden names, links that lead out and other files are answered 404, and the first name outside of these directories is logged. The files are read with the rights of the gateway. Without this setting the header goes to the client as it is, within a site nothing of it.',
    repeatable: 'words',
    change: 'restart',
  }),
}
