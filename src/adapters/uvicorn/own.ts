/** Options that are no settings of uvicorn: those that print something, and ours. Pure. */
import { type AnyOption, type Section, works } from '../option.ts'
import { flag } from '../shapes.ts'

/** `uvicorn.ts` reads them. */
const own = (name: string, doc: string): AnyOption =>
  works(name, { flags: [`--${name}`], shape: flag(), standard: 'False', doc }, 'the same', () => {})

export const VERSION = own('version', 'Show the version, and exit.')

export const OWN: Section = {
  title: 'Information',
  options: [
    VERSION,
    own('help', 'Show this, and exit.'),
    own('lenient', 'Of Jumak: start without what is not supported, and say so.'),
  ],
}
