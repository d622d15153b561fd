/** gunicorn's settings, in its own sections, and what each becomes here. Pure. */
import type { AnyOption, Section } from '../option.ts'
import { CONFIG_FILE } from './config-file.ts'
import { DIRTY } from './dirty.ts'
import { HOOKS } from './hooks.ts'
import { HTTP2 } from './http2.ts'
import { SECURITY } from './limits.ts'
import { LOGGING } from './logging.ts'
import { MECHANICS } from './mechanics.ts'
import { OWN } from './own.ts'
import { PROXIES } from './proxies.ts'
import { SOCKETS } from './sockets.ts'
import { SSL } from './tls.ts'
import { WORKERS } from './workers.ts'

/** As gunicorn documents them: the order of the reference. */
export const SECTIONS: readonly Section[] = [
  ...CONFIG_FILE,
  ...DIRTY,
  HTTP2,
  ...LOGGING,
  SSL,
  SECURITY,
  HOOKS,
  { title: 'Server Mechanics', options: [...MECHANICS, ...PROXIES] },
  SOCKETS,
  WORKERS,
]

/** What its configuration file may have. */
export const SETTINGS: readonly AnyOption[] = SECTIONS.flatMap(({ options }) => options)

/** What the command line may have, a section more, in the order of help: first what nearly everybody gives. */
const USUAL: readonly Section[] = [SOCKETS, WORKERS]
export const COMMAND_LINE: readonly Section[] = [...USUAL, ...SECTIONS.filter(one => !USUAL.includes(one)), OWN]
export const OPTIONS: readonly AnyOption[] = COMMAND_LINE.flatMap(({ options }) => options)
