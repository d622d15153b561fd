/** Settings of the application: what and where it is, how it is imported, and what it finds around it. */
import { type AppName, parseAppName } from '../kinds/app-name.ts'
import {
  type Assignment,
  type FunctionName,
  parseAssignment,
  parseFunctionName,
  parseRootPath,
  parseWarmup,
} from '../kinds/forms.ts'
import { oneOf, path, text } from '../kinds/kinds.ts'
import type { WarmupRequest } from '../types.ts'
import { defineSetting } from './setting.ts'

export const app = defineSetting<AppName | null>({
  name: 'app',
  section: 'Application',
  placeholder: 'APP',
  kind: text<AppName | null>('`module`, `module:callable`, `module:factory()`, a file or a folder', written =>
    written === '.' ? { value: null } : parseAppName(written),
  ),
  default: '.',
  defaultText: 'found',
  why: 'A Django project and most small applications can be recognised, and what was found is said.',
  doc: 'What to serve: module, module:callable, module:factory(), file or folder.',
  more: 'Relative files are seen from `chdir`. A file may be followed by `:callable` as well; one in a package is imported as its module. Without a callable, `application`, `app` and `create_app` (which is called) are tried. Without APP, or in a folder that is named, what is served is looked for: a Django project by its `manage.py` (with Channels or Daphne by its `ASGI_APPLICATION`), then `wsgi.py`, `asgi.py`, `app.py`, `main.py`, `server.py`, `api.py`, then these in a package, then all of it in `src`. Only their text is read.',
  positional: true,
  change: 'reload',
})

export const config = defineSetting({
  name: 'config',
  short: 'c',
  section: 'Application',
  placeholder: 'FILE',
  kind: path('must name a file', ['auto']),
  default: 'auto',
  defaultText: 'jumak.toml, else pyproject.toml',
  why: 'Whoever comes to the project finds its settings where they look first.',
  doc: 'TOML file with settings.',
  more: 'Without it, `jumak.toml` of the working directory is read, else the table `[tool.jumak]` of its `pyproject.toml`. A file named `pyproject.toml` has its settings in that table, any other at its top level.',
  sources: ['flag', 'variable'],
  change: 'restart',
})

export const chdir = defineSetting({
  name: 'chdir',
  section: 'Application',
  placeholder: 'DIR',
  kind: text<string>(
    'path',
    written =>
      written === '' || written.includes('\0') ? { problem: 'must name a directory that exists' } : { value: written },
    { json: { type: 'string', minLength: 1 } },
  ),
  default: '.',
  defaultText: 'the working directory',
  why: 'As with gunicorn, and with python itself.',
  doc: 'Directory of the application, which is importable.',
  more: 'A symbolic link is followed anew at each reload.',
  change: 'reload',
})

export const python = defineSetting({
  name: 'python',
  section: 'Application',
  placeholder: 'PATH',
  kind: {
    ...path('must name a Python interpreter or a virtual environment, or be auto', ['auto']),
    // A name without a slash is looked up on PATH.
    absolute: (written, from) => (written.includes('/') ? from(written) : written),
  },
  default: 'auto',
  why: 'What `python` would be for the person who types it.',
  doc: 'Interpreter (3.9 to 3.14) or virtual environment; auto: as found, or python3.',
  more: 'With `auto` it is the first of: the active virtual environment (`VIRTUAL_ENV`), the active one of conda, `UV_PROJECT_ENVIRONMENT`, `.venv` or `venv` in the directory or in one above it (not beyond a directory that everybody may write to), the one that poetry made for the project, `python3` on PATH.',
  change: 'reload',
})

export const preload = defineSetting({
  name: 'preload',
  section: 'Application',
  placeholder: 'MODE',
  kind: oneOf(['on', 'off', 'auto']),
  default: 'auto',
  why: 'It saves most of the memory, and the inspection keeps it from applications that would break.',
  doc: 'Import once and fork the workers: on, off, or auto (where it is safe).',
  more: '`auto` looks at what the import left behind: threads, processes, open files, pipes, connections, event loops, locks, shared memory. Workers would share it to their harm, so each of them imports for itself, and the log says which line opened what. Harmless are files opened to append (logs), listening sockets, syslog, and files that are only mapped.',
  change: 'reload',
})

export const lifespan = defineSetting({
  name: 'lifespan',
  section: 'Application',
  placeholder: 'MODE',
  kind: oneOf(['auto', 'on', 'off']),
  default: 'auto',
  why: 'Most frameworks have one; those without say so.',
  doc: "An ASGI application's start-up and shut-down: auto (if it has one), on or off.",
  change: 'reload',
})

export const postFork = defineSetting<FunctionName>({
  name: 'post-fork',
  section: 'Application',
  placeholder: 'FUNCTION',
  kind: text('`module:function`', parseFunctionName, { json: { type: 'string', pattern: '^[^:]+:[^:()]+$' } }),
  default: null,
  defaultText: 'none',
  why: 'Few applications need it.',
  doc: 'What each worker calls before it serves, as module:function.',
  more: 'Called without arguments, after the fork: the place to open connections and start threads that a fork would not survive.',
  change: 'reload',
})

export const warmup = defineSetting<WarmupRequest>({
  name: 'warmup',
  section: 'Application',
  placeholder: 'PATH',
  kind: text('path of URLs, or a URL, as in `/health` or `https://shop.example/`', parseWarmup, {
    json: { type: 'string', pattern: '^(https?://[^/]+)?/' },
  }),
  default: null,
  defaultText: 'none',
  why: 'Which requests are safe to make up, only their author knows.',
  doc: 'What each worker answers before it serves, as in /health; repeatable.',
  more: 'A GET with the headers `Host` (`localhost`, or the one of a URL), `User-Agent` (`jumak/VERSION (warm-up)`) and `Accept`, from 127.0.0.1; it is in no access log. A status of 500 and above, a response that does not come within `timeout`, and a crash mean that the worker does not serve: new code is refused, and the old code serves on; at the first start the program ends with 3. Any other status is good: with Django, whose `ALLOWED_HOSTS` answers 400 to strange hosts, give the URL. Not with `reload`.',
  repeatable: 'words',
  change: 'reload',
})

export const rootPath = defineSetting<string>({
  name: 'root-path',
  section: 'Application',
  placeholder: 'PATH',
  kind: text('path of URLs, as in `/shop`', parseRootPath),
  default: '/',
  why: 'Most applications own their host.',
  doc: 'Where a proxy in front mounts the application, as in /shop.',
  more: '`SCRIPT_NAME` is this path, so that the application makes links that lead back to it. If the path of a request begins with it, `PATH_INFO` is the rest; otherwise the proxy has stripped it already, and `PATH_INFO` is the whole path. So both ways to set up the proxy work.',
  change: 'restart',
})

export const env = defineSetting<Assignment>({
  name: 'env',
  short: 'e',
  section: 'Application',
  placeholder: 'KEY=VALUE',
  kind: text('`KEY=VALUE`; in a file a table', parseAssignment, { table: 'only' }),
  default: null,
  defaultText: 'none',
  why: 'The application has the variables that Jumak itself has.',
  doc: 'Variable for the application; repeatable.',
  more: 'Wins over what Jumak itself has, and that over `env-file`. Keys of the command line and of the file are put together; the command line wins where both name one. There is no variable for it: set the variable itself.',
  repeatable: 'words',
  sources: ['flag', 'file'],
  change: 'reload',
})

export const envFile = defineSetting({
  name: 'env-file',
  section: 'Application',
  placeholder: 'FILE',
  kind: path('must name a file'),
  default: null,
  defaultText: 'none',
  why: 'Files of variables hold secrets: which one is read is said, not guessed.',
  doc: 'File of KEY=VALUE lines for the application; repeatable, the last one wins.',
  more: 'What Jumak itself has in its environment stays. Read anew at each reload.',
  repeatable: 'words',
  change: 'reload',
})
