/** Options that are no settings of gunicorn: `--help`, `--version`, and ours. Pure. */
import { type AnyOption, type Section, works } from '../option.ts'
import { flag } from '../shapes.ts'

/** `gunicorn.ts` reads them. */
const own = (name: string, flags: readonly string[], doc: string): AnyOption =>
  works(name, { flags, shape: flag(), standard: 'False', doc }, 'the same', () => {})

export const OWN: Section = {
  title: 'Information',
  options: [
    own('help', ['-h', '--help'], 'Show this, and exit.'),
    own('version', ['-v', '--version'], 'Show the version, and exit.'),
    own('lenient', ['--lenient'], 'Of Jumak: start without what is not supported, and say so.'),
  ],
}
