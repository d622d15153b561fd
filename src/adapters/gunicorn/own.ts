/** Options that are no settings of gunicorn: `--help`, `--version`, and ours. Pure. */
import { type AnyOption, type Section, works } from '../option.ts'
import { flag, text } from '../shapes.ts'

/** `gunicorn.ts` reads them. */
const own = (name: string, flags: readonly string[], doc: string): AnyOption =>
  works(name, { flags, shape: flag(), standard: 'False', doc }, 'the same', () => {})

export const OWN: Section = {
  title: 'Information',
  options: [
    own('help', ['-h', '--help'], 'Show this, and exit.'),
    own('version', ['-v', '--version'], 'Show the version, and exit.'),
    own('lenient', ['--lenient'], 'Of Jumak: start without what is not supported, and say so.'),
    works(
      'paste_server',
      {
        flags: ['--paste-server'],
        shape: text(),
        doc: 'Of Jumak: with --paste FILE, settings of its [server:NAME] too, as pserve has them.',
      },
      'the same',
      (_, to) => {
        if (!to.isGiven('paste')) to.reject('must stand with --paste, whose file has the section')
      },
    ),
  ],
}
