/** What the page about gunicorn says above its tables. */
import { SECTIONS } from '../../src/adapters/gunicorn/table.ts'
import type { ProgramTable } from './program-reference.ts'

export const GUNICORN: ProgramTable = {
  program: 'gunicorn',
  version: '26.1 and 27',
  sections: SECTIONS,
  introduction: `\`jumak gunicorn\` takes the command line of gunicorn, as in \`jumak gunicorn -w 4 shop.wsgi\`. A link named \`gunicorn\` to
\`bin/jumak\` does the same. [How to move](../how-to/from-gunicorn.md).

Each setting may be given in the places that gunicorn has, and the first of these wins: the command line, \`GUNICORN_CMD_ARGS\`, the file
(\`-c FILE\`, \`-c python:MODULE\`, or \`gunicorn.conf.py\` of the working directory), \`PORT\`, \`WEB_CONCURRENCY\` and \`FORWARDED_ALLOW_IPS\`,
the variables \`JUMAK_…\` of [our settings](settings.md), gunicorn's default. A list comes as a whole from the first place that has it. No
\`jumak.toml\` is read. Long flags may be shortened as far as they stay clear. A name of the file that is no setting, and looks like one, is told.

Exit codes: 2 for a command line that cannot be read, 1 for any other wrong setting and for an application that fails at \`--check-config\`, 3 for
an application that cannot be loaded (gunicorn has 4 where only the name behind the colon is missing).`,
}
