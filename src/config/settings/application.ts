/** Settings of the application: what and where it is, and how it is imported. */
import { z } from 'zod'
import { type AppName, parseAppName } from '../app-name.ts'
import { oneOf, parsedBy, textOr } from './schemas.ts'
import { defineSetting } from './setting.ts'

export const app = defineSetting<AppName | null>({
  name: 'app',
  section: 'Application',
  placeholder: 'APP',
  schema: parsedBy<AppName | null>(text => (text === '.' ? { value: null } : parseAppName(text))),
  // A Django project and most small applications can be recognised, and what was found is said.
  default: '.',
  defaultText: 'what Jumak finds in the directory: manage.py, wsgi.py, app.py, main.py',
  doc: 'The application: module, module:callable, module:factory(), or the path of a file, alone or with :callable.',
  positional: true,
  change: 'reload',
})

export const chdir = defineSetting({
  name: 'chdir',
  section: 'Application',
  placeholder: 'DIR',
  schema: z.string().min(1, 'must name a directory that exists'),
  // As with gunicorn and python itself.
  default: '.',
  defaultText: 'the working directory',
  doc: 'Directory of the application; it is importable, and a symbolic link is followed anew at each reload.',
  change: 'reload',
})

export const python = defineSetting({
  name: 'python',
  section: 'Application',
  placeholder: 'PATH',
  schema: textOr('auto', 'must name a Python interpreter or a virtual environment, or be auto'),
  // What the user's own `python` would be, and the names that most people give their environments.
  default: 'auto',
  defaultText: 'auto: the active virtual environment, .venv, venv, python3',
  doc: 'Python that runs the application, 3.9 to 3.14: an interpreter or a virtual environment.',
  change: 'reload',
})

export const preload = defineSetting({
  name: 'preload',
  section: 'Application',
  placeholder: 'MODE',
  schema: oneOf(['on', 'off', 'auto']),
  // It saves most of the memory; the inspection keeps it from applications that would break.
  default: 'auto',
  doc: 'Import the application once and fork the workers from it: on, off, or auto (unless its import leaves threads or connections behind).',
  change: 'reload',
})
