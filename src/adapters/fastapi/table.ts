/** The options of `fastapi run` and `fastapi dev`: most are uvicorn's. Pure. */
import { type AnyOption, option, type Section, works } from '../option.ts'
import { flag, text } from '../shapes.ts'
import { SETTINGS as OF_UVICORN } from '../uvicorn/table.ts'

export type Command = 'run' | 'dev'

/** Names of those that are uvicorn's. */
const SHARED = ['host', 'port', 'reload', 'reload_dirs', 'workers', 'root_path', 'proxy_headers', 'forwarded_allow_ips']

const shared = OF_UVICORN.filter(({ name }) => SHARED.includes(name))

/** uvicorn has no opposite of this one. */
const noReload: AnyOption = shared
  .filter(({ name }) => name === 'reload')
  .map(({ answer }) => option('reload', ['--no-reload'], flag(false), answer, null, 'Load no changed code.'))[0]!

/** `fastapi.ts` reads them. */
const own = (name: string, flags: readonly string[], shape: AnyOption['shape'], doc: string): AnyOption =>
  works(name, { flags, shape, doc }, 'the same', () => {})

const ENTRY: Section = {
  title: 'Application',
  options: [
    own('app', ['--app'], text(), 'Name of the application in the file; else app, api, or the first FastAPI().'),
    own('entrypoint', ['-e', '--entrypoint'], text(), 'The application as MODULE:NAME, in place of PATH.'),
  ],
}

const INFORMATION: Section = {
  title: 'Information',
  options: [
    own('verbose', ['-v', '--verbose'], flag(), 'Say more while it starts; JUMAK_LOG_LEVEL=debug says more later too.'),
    own('help', ['-h', '--help'], flag(), 'Show this, and exit.'),
    own('lenient', ['--lenient'], flag(), 'Of Jumak: start without what is not supported, and say so.'),
  ],
}

export function sections(command: Command): readonly Section[] {
  const options = shared.filter(({ name }) => command === 'run' || name !== 'workers')
  return [ENTRY, { title: 'Server', options: [...options, noReload] }, INFORMATION]
}
