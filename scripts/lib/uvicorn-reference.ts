/** What the page about uvicorn says above its tables, and the tables: a flag and its opposite are one line. */
import type { AnyOption, Section } from '../../src/adapters/option.ts'
import { VERSION } from '../../src/adapters/uvicorn/own.ts'
import { SECTIONS } from '../../src/adapters/uvicorn/table.ts'
import type { ProgramTable } from './program-reference.ts'

export const UVICORN: ProgramTable = {
  program: 'uvicorn',
  version: '0.51',
  sections: [...SECTIONS, { title: 'Information', options: [VERSION] }].map(withPairs),
  introduction: `\`jumak uvicorn\` takes the command line of uvicorn, as in \`jumak uvicorn shop.main:app --port 80\`. A link named \`uvicorn\` to
\`bin/jumak\` does the same, and so do \`jumak fastapi run\` and \`jumak fastapi dev\` with FastAPI's own command.
[How to move](../how-to/from-uvicorn.md).

The first of these wins: the command line, \`UVICORN_…\` (the name of the setting in upper case: \`UVICORN_RELOAD_DIRS\`), the variables
\`JUMAK_…\` of [our settings](settings.md), \`WEB_CONCURRENCY\` and \`FORWARDED_ALLOW_IPS\` (of the environment, else of the file of
\`--env-file\`), uvicorn's default. As with uvicorn, \`true\`, \`yes\`, \`on\`, \`1\` and their opposites are the values of a flag's variable, an empty variable is none, and
\`PORT\` is not read (\`fastapi\` reads it). No \`jumak.toml\` is read.

Exit codes: 2 for a wrong setting, 3 for an application that cannot be loaded or does not start up, 1 for an address that cannot be used. After
TERM it is 0, where uvicorn ends by the signal.`,
}

function withPairs({ title, options }: Section): Section {
  const byName = new Map<string, AnyOption>()
  for (const option of options) {
    const before = byName.get(option.name)
    byName.set(option.name, before === undefined ? option : { ...before, flags: [...before.flags, ...option.flags] })
  }
  return { title, options: [...byName.values()] }
}
