/** Settings of the application: where it is and how it is imported. */
import { z } from 'zod'
import { defineSetting } from './setting.ts'

export const chdir = defineSetting({
  name: 'chdir',
  section: 'Application',
  placeholder: 'DIR',
  schema: z.string().min(1, 'must name a directory'),
  defaultText: 'the working directory',
  doc: 'Directory of the application; it is importable. A symbolic link is followed anew at each reload.',
  change: 'restart',
})

export const python = defineSetting({
  name: 'python',
  section: 'Application',
  placeholder: 'PATH',
  schema: z.string().min(1, 'must name a Python interpreter'),
  defaultText: 'active virtual environment, .venv, venv, python3',
  doc: 'Python that runs the application, 3.9 to 3.14: an interpreter or a virtual environment.',
  change: 'reload',
})

export const preload = defineSetting({
  name: 'preload',
  section: 'Application',
  placeholder: 'MODE',
  schema: z.enum(['on', 'off', 'auto'], { error: 'must be on, off or auto' }),
  defaultText: 'auto',
  doc: 'Import the application once and fork the workers from it: auto does so unless the import leaves threads or connections behind.',
  change: 'reload',
})
