/** gunicorn's sections "Logging" and "Process Naming". Pure. */
import { idle, type Section, works } from '../option.ts'
import { className, dictionary, flag, text } from '../shapes.ts'
import { accessFormat, STANDARD_FORMAT } from './access-format.ts'
import { hasOwnLogger, writesAccessLog } from './logger-class.ts'
import { ACCESS_TO_SYSLOG, STATSD, SYSLOG } from './remote-logs.ts'

const LEVELS: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'error',
}

const OF_APPLICATION =
  'for what the application logs, by the loggers of gunicorn too; other lines have settings of their own'
const IS_OF_APPLICATION =
  'is for what the application logs; the access log and the lines of Jumak do not go through Python (--access-logformat, JUMAK_LOG_FORMAT)'
const logging: Section = {
  title: 'Logging',
  options: [
    works(
      'accesslog',
      {
        flags: ['--access-logfile'],
        shape: text(),
        doc: 'File with a line for each request; -: standard output.',
      },
      '`--access-log`',
      (file, to) => {
        if (file !== '' && !writesAccessLog(to)) to.set('access-log', file === '-' ? '-' : to.path(file))
      },
    ),
    ACCESS_TO_SYSLOG,
    works(
      'access_log_format',
      {
        flags: ['--access-logformat'],
        shape: text(),
        standard: STANDARD_FORMAT,
        doc: 'What a line of the access log has.',
      },
      '`--access-log-format`; `%(U)s` is the path as the client sent it, `%({name}e)s` only for variables that come from the request',
      (format, to) => {
        // Each atom is in the worker.
        if (writesAccessLog(to)) return
        const { text: ours, unknown } = accessFormat(format)
        if (unknown.length > 0)
          to.refuse(
            `would write variables of the environ, and ${unknown.join(', ')} is only in the worker`,
            'write %({name}i)s for a header of the request',
          )
        to.set('access-log-format', ours)
      },
    ),
    works(
      'errorlog',
      {
        flags: ['--error-logfile', '--log-file'],
        shape: text(),
        standard: '-',
        doc: "File of the server's log; -: standard error.",
      },
      '`--log-file`; it has the output of the application too',
      (file, to) => {
        if (file === '' || file === '-') return to.set('log-file', '-')
        to.set('log-file', to.path(file))
        if (to.valueOf<boolean>('capture_output') !== true)
          to.tell('has the output of the application too, as with --capture-output')
      },
    ),
    works(
      'loglevel',
      {
        flags: ['--log-level'],
        shape: text(),
        standard: 'info',
        doc: 'Least important lines: debug, info, warning, error or critical.',
      },
      '`--log-level`; critical is error',
      (level, to) => {
        const ours = LEVELS[level.toLowerCase()]
        if (ours === undefined)
          to.tell(`is info: there is no level '${level}'; write ${Object.keys(LEVELS).join(', ')}`)
        to.set('log-level', ours ?? 'info')
      },
    ),
    idle(
      'capture_output',
      {
        flags: ['--capture-output'],
        shape: flag(),
        standard: 'False',
        doc: "Write what the application prints into the server's log.",
      },
      'is not needed: it is always so',
    ),
    works(
      'logger_class',
      {
        flags: ['--logger-class'],
        shape: className(),
        standard: 'gunicorn.glogging.Logger',
        doc: 'Class that writes the logs.',
      },
      'the same class: its `setup` makes the loggers of the application, its `access` writes the access log of what a WSGI application gets; lines to - stand in the log of Jumak',
      (_name, to) => {
        if (!hasOwnLogger(to)) return
        if (!writesAccessLog(to))
          to.tell(
            "sets up the loggers; the access log is that of Jumak: an ASGI application's requests do not go through it",
          )
        else if (to.valueOf<boolean>('syslog') === true)
          to.tell('writes the access log, and does not write it to syslog')
      },
    ),
    works(
      'logconfig',
      {
        flags: ['--log-config'],
        shape: text(),
        doc: 'File that configures the logs, as logging.config.fileConfig reads it.',
      },
      `\`--log-config\`, ${OF_APPLICATION}`,
      (file, to) => {
        // The class reads it by itself.
        if (hasOwnLogger(to)) return
        // One of the others wins there.
        if (!to.isGiven('logconfig_dict') && !to.isGiven('logconfig_json')) to.set('log-config', to.path(file))
        to.tell(IS_OF_APPLICATION)
      },
    ),
    works(
      'logconfig_dict',
      { shape: dictionary(), standard: '{}', doc: 'Configures the logs, as logging.config.dictConfig reads it.' },
      `the same, ${OF_APPLICATION}`,
      // Who evaluates the file has the dictionary, with its objects.
      (dict, to) => {
        if (Object.keys(dict).length > 0) to.tell(IS_OF_APPLICATION)
      },
    ),
    works(
      'logconfig_json',
      { flags: ['--log-config-json'], shape: text(), doc: 'The same in a file of JSON.' },
      `\`--log-config\`, ${OF_APPLICATION}`,
      (file, to) => {
        if (!file.endsWith('.json')) to.reject(`must name a file that ends in .json, not '${file}'`)
        else if (hasOwnLogger(to)) return
        else if (!to.isGiven('logconfig_dict')) to.set('log-config', to.path(file))
        to.tell(IS_OF_APPLICATION)
      },
    ),
    ...SYSLOG,
    works(
      'enable_stdio_inheritance',
      {
        flags: ['-R', '--enable-stdio-inheritance'],
        shape: flag(),
        standard: 'False',
        doc: 'Keep standard output and error as a daemon.',
      },
      '`--daemon inherit`; without `--daemon` it is always so',
      // `daemon` reads it.
      () => {},
    ),
    ...STATSD,
  ],
}

const naming: Section = {
  title: 'Process Naming',
  options: [
    works(
      'proc_name',
      { flags: ['-n', '--name'], shape: text(), doc: 'Name of the processes in ps and top, and in syslog.' },
      '`--syslog-name` with `--log-syslog`; in ps the command lines of the processes say which is which',
      (_name, to) => {
        if (to.valueOf<boolean>('syslog') !== true)
          to.tell('is not needed: the command lines of the processes say which is which')
      },
    ),
    idle(
      'default_proc_name',
      { shape: text(), standard: 'gunicorn', doc: 'The same, where no name is given.' },
      'is not needed: the command lines of the processes say which is which',
    ),
  ],
}

export const LOGGING: readonly Section[] = [logging, naming]
