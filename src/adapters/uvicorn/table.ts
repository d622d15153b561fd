/** uvicorn's options, and what each becomes here. Pure. */
import type { AnyOption, Section } from '../option.ts'
import { APPLICATION } from './application.ts'
import { BINDING } from './binding.ts'
import { DEVELOPMENT } from './development.ts'
import { LOGGING } from './logging.ts'
import { OWN, VERSION } from './own.ts'
import { PROTOCOLS, WEBSOCKETS } from './protocols.ts'
import { TLS } from './tls.ts'
import { WORKERS } from './workers.ts'

/** The order of help and of the reference. */
export const SECTIONS: readonly Section[] = [
  APPLICATION,
  BINDING,
  WORKERS,
  LOGGING,
  PROTOCOLS,
  WEBSOCKETS,
  TLS,
  DEVELOPMENT,
]

/** What uvicorn itself has. A flag and its opposite are two lines with one name. */
export const SETTINGS: readonly AnyOption[] = [...SECTIONS.flatMap(({ options }) => options), VERSION]

/** What the command line may have. */
export const COMMAND_LINE: readonly Section[] = [...SECTIONS, OWN]
export const OPTIONS: readonly AnyOption[] = COMMAND_LINE.flatMap(({ options }) => options)
