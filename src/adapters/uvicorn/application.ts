/** What uvicorn loads, and how it calls it. Pure. */
import { idle, type Section, works } from '../option.ts'
import { flag, oneOf, text } from '../shapes.ts'
import { envFileNotes } from './env-file.ts'
import { oneOfOrName } from './shapes.ts'

export const APPLICATION: Section = {
  title: 'Application',
  options: [
    works(
      'factory',
      { flags: ['--factory'], shape: flag(), standard: 'False', doc: 'APP is a function that makes the application.' },
      'parentheses behind `APP`: `shop:create_app()`',
      // `uvicorn.ts` names the application.
      () => {},
    ),
    works(
      'app_dir',
      {
        flags: ['--app-dir'],
        shape: text(),
        standard: '',
        doc: 'Directory from which Python imports first; the working directory stays.',
      },
      '`--import-path`; the working directory is searched too, after it',
      (directory, to) => {
        if (to.path(directory) !== to.path('')) to.set('import-path', to.path(directory))
      },
    ),
    works(
      'interface',
      {
        flags: ['--interface'],
        shape: oneOf('auto', 'asgi3', 'asgi2', 'wsgi'),
        standard: 'auto',
        doc: 'How the application is called: auto, asgi3, asgi2 or wsgi.',
      },
      '`--interface`; auto finds WSGI too; wsgi has ten threads, as there',
      (kind, to) => {
        if (kind !== 'auto') to.set('interface', kind)
      },
    ),
    works(
      'lifespan',
      {
        flags: ['--lifespan'],
        shape: oneOf('auto', 'on', 'off'),
        standard: 'auto',
        doc: "The application's start-up and shut-down: auto, on or off.",
      },
      '`--lifespan`',
      (mode, to) => to.set('lifespan', mode),
    ),
    works(
      'loop',
      {
        flags: ['--loop'],
        shape: oneOfOrName('auto', 'none', 'asyncio', 'uvloop'),
        standard: 'auto',
        doc: 'Event loop: auto, asyncio or uvloop.',
      },
      '`--loop`; none is asyncio; a function of yours is not supported',
      (loop, to) => {
        if (loop.includes(':'))
          to.refuse('would run an event loop of yours', 'write asyncio or uvloop, and set a policy in the application')
        else to.set('loop', loop === 'none' ? 'asyncio' : loop)
      },
    ),
    works(
      'root_path',
      {
        flags: ['--root-path'],
        shape: text(),
        standard: '',
        doc: 'Path at which a proxy in front mounts the application, as in /api.',
      },
      '`--root-path`; a request whose path begins with it already is not given it twice',
      (path, to) => {
        if (path !== '') to.set('root-path', path)
      },
    ),
    works(
      'env_file',
      { flags: ['--env-file'], shape: text(), doc: 'File of KEY=VALUE lines for the application.' },
      '`--env-file`; as there, `WEB_CONCURRENCY` and `FORWARDED_ALLOW_IPS` count in it, and `UVICORN_…` do not',
      (file, to) => {
        to.set('env-file', to.path(file))
        for (const note of envFileNotes(to.path(file))) to.tell(note)
      },
    ),
    idle(
      'reset_contextvars',
      {
        flags: ['--reset-contextvars'],
        shape: flag(),
        standard: 'False',
        doc: 'Give each request a fresh context of variables (contextvars).',
      },
      'is not needed: it is always so',
    ),
  ],
}
