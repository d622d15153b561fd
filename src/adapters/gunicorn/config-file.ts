/** gunicorn's sections "Config File", "Control" and "Debugging". Pure. */
import { dirname } from 'node:path'
import { idle, refused, type Section, works } from '../option.ts'
import { flag, list, oneOf, permissions, text } from '../shapes.ts'

/** Files that `--reload` watches in its directories (`master/development/watch.ts`). */
const WATCHED = /\.(?:py|html?|jinja2?|j2|mako|mo)$|(?:^|\/)(?:templates\/|\.env|\.flaskenv$)/

/** Permissions of a group, and of everybody. */
const OF_OTHERS = 0o077

/** `gunicorn.ts` reads them. */
const readElsewhere = () => {}

const configFile: Section = {
  title: 'Config File',
  options: [
    works(
      'config',
      {
        flags: ['-c', '--config'],
        shape: text(),
        standard: './gunicorn.conf.py',
        doc: 'File of settings, in Python: PATH, file:PATH or python:MODULE.',
      },
      'the same file',
      readElsewhere,
    ),
    works(
      'wsgi_app',
      { shape: text(), doc: 'The application, where the command line names none: MODULE:NAME.' },
      '`APP`',
      readElsewhere,
    ),
  ],
}

const control: Section = {
  title: 'Control',
  options: [
    works(
      'control_socket',
      {
        flags: ['--control-socket'],
        shape: text(),
        standard: '$XDG_RUNTIME_DIR/gunicorn.ctl',
        doc: 'Unix socket for commands to the running program.',
      },
      '`--admin-socket`; the commands are those of jumak, as in `jumak status`',
      (path, to) => {
        if (to.valueOf<boolean>('control_socket_disable') === true) return
        to.set('admin-socket', to.path(path))
        to.tell('is for the commands of jumak, as in jumak status, and not for gunicornc')
      },
    ),
    works(
      'control_socket_mode',
      {
        flags: ['--control-socket-mode'],
        shape: permissions(),
        standard: '0o600',
        doc: 'Permissions of that socket.',
      },
      'always 600; what would let other users send commands is not supported',
      (mode, to) => {
        if ((mode & OF_OTHERS) !== 0)
          to.refuse('would let other users send commands', 'let them use sudo, as in sudo jumak status')
      },
    ),
    works(
      'control_socket_disable',
      { flags: ['--no-control-socket'], shape: flag(), standard: 'False', doc: 'Have no such socket.' },
      '`--admin-socket off`',
      (isOff, to) => {
        if (isOff) to.set('admin-socket', 'off')
      },
    ),
  ],
}

const debugging: Section = {
  title: 'Debugging',
  options: [
    works(
      'reload',
      { flags: ['--reload'], shape: flag(), standard: 'False', doc: 'Restart workers when code changes.' },
      '`--reload`; the browser shows errors with their code',
      (isOn, to) => {
        if (isOn) to.set('reload', 'on')
      },
    ),
    idle(
      'reload_engine',
      {
        flags: ['--reload-engine'],
        shape: oneOf('auto', 'poll', 'inotify'),
        standard: 'auto',
        doc: 'How changes are noticed: auto, poll or inotify.',
      },
      'is not needed: files are watched in the way that the system has',
    ),
    works(
      'reload_extra_files',
      {
        flags: ['--reload-extra-file'],
        shape: list(),
        standard: '[]',
        doc: 'Another file, or pattern of files, whose change restarts workers; repeatable.',
      },
      '`--reload-dir` with the directory of each; only modules, templates and files of variables are watched',
      (files, to) => {
        if (to.valueOf<boolean>('reload') !== true || files.length === 0) return
        const watched = files.filter(file => WATCHED.test(file))
        const others = files.filter(file => !watched.includes(file))
        if (others.length > 0)
          to.tell(
            `names ${others.join(', ')}, and only modules, templates and .env files are watched: send HUP when it changes`,
          )
        const directories = watched.map(file => dirname(to.path(file.replace(/[*?[].*$/s, ''))))
        if (watched.length > 0) to.set('reload-dir', ...new Set([to.directory, ...directories]))
      },
    ),
    refused(
      'spew',
      { flags: ['--spew'], shape: flag(), standard: 'False', doc: 'Write each line of Python that runs.' },
      'would write every line of Python that runs',
      'use a debugger, or py-spy on a worker',
    ),
    works(
      'check_config',
      {
        flags: ['--check-config'],
        shape: flag(),
        standard: 'False',
        doc: 'Check the settings and the application, and exit.',
      },
      '`--check`',
      readElsewhere,
    ),
    works(
      'print_config',
      { flags: ['--print-config'], shape: flag(), standard: 'False', doc: 'Print all settings, and exit.' },
      '`--print-config`: the settings of Jumak, as a jumak.toml; the application is not loaded',
      readElsewhere,
    ),
  ],
}

export const CONFIG_FILE: readonly Section[] = [configFile, control, debugging]
