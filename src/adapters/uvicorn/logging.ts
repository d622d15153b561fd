/** uvicorn's logs. Pure. */
import { idle, type Section, works } from '../option.ts'
import { oneOf, text } from '../shapes.ts'
import { pair } from './shapes.ts'

/** As uvicorn writes it. */
export const ACCESS_FORMAT = 'INFO:     %(h)s:%({client-port}x)s - "%(r)s" %(s)s %({reason}x)s'

const LEVELS = ['critical', 'error', 'warning', 'info', 'debug', 'trace'] as const
const OURS: Readonly<Record<(typeof LEVELS)[number], string>> = {
  critical: 'error',
  error: 'error',
  warning: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
}

export const LOGGING: Section = {
  title: 'Logging',
  options: [
    works(
      'log_level',
      { flags: ['--log-level'], shape: oneOf(...LEVELS), doc: `Least important lines: ${LEVELS.join(', ')}.` },
      '`--log-level`, and the level of the loggers `uvicorn.error` and `uvicorn.asgi`; above info there is no access log, as there',
      (level, to) => {
        to.set('log-level', OURS[level])
        to.set('loggers', `uvicorn:${level}`)
        if (OURS[level] === 'warn' || OURS[level] === 'error') to.set('access-log', 'off')
        if (level === 'trace') to.tell('is debug for the lines of Jumak: the messages of ASGI are not written')
      },
    ),
    works(
      'log_config',
      { flags: ['--log-config'], shape: text(), doc: "File that configures Python's loggers: .ini, .json or .yaml." },
      '`--log-config`: for what the application logs, by the loggers of uvicorn too; the access log and the lines of Jumak have their own settings',
      (file, to) => {
        to.set('log-config', to.path(file))
        to.tell(
          'is for what the application logs; the access log and the lines of Jumak do not go through Python (JUMAK_ACCESS_LOG_FORMAT, JUMAK_LOG_FORMAT)',
        )
      },
    ),
    ...pair(
      (flags, shape) =>
        works(
          'access_log',
          { flags, shape, standard: 'True', doc: 'Write a line for each request to standard output.' },
          '`--access-log -`, written as there; `--no-access-log` is `off`',
          (isOn, to) => {
            if (!isOn) to.set('access-log', 'off')
          },
        ),
      'access-log',
    ),
    ...pair(
      (flags, shape) =>
        idle(
          'use_colors',
          { flags, shape, doc: 'Write colours.' },
          'is not needed: a terminal gets colours, unless NO_COLOR=1 is in the environment',
        ),
      'use-colors',
    ),
  ],
}
