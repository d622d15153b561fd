/** gunicorn's section "Server Mechanics", the part about processes, files and users. Pure. */
import { isDirectory } from '../../config/machine/files.ts'
import { type AnyOption, idle, works } from '../option.ts'
import { flag, list, permissions, text, textOrNumber } from '../shapes.ts'
import { PASTE } from './paste.ts'

export const MECHANICS: readonly AnyOption[] = [
  works(
    'preload_app',
    {
      flags: ['--preload'],
      shape: flag(),
      standard: 'False',
      doc: 'Import the application once, before workers are forked.',
    },
    '`--preload on`; without it `auto`, which imports once where that is safe',
    (isOn, to) => {
      if (isOn) to.set('preload', 'on')
    },
  ),
  idle(
    'sendfile',
    { flags: ['--no-sendfile'], shape: flag(false), doc: 'Send no files with sendfile().' },
    'is not needed: the gateway sends files by itself',
  ),
  idle(
    'reuse_port',
    { flags: ['--reuse-port'], shape: flag(), standard: 'False', doc: 'Let several programs listen on the port.' },
    'is not needed: one gateway accepts all connections',
  ),
  works(
    'chdir',
    { flags: ['--chdir'], shape: text(), standard: '.', doc: 'Directory to change to first.' },
    '`--chdir`',
    (_directory, to) => to.set('chdir', to.directory),
  ),
  works(
    'daemon',
    { flags: ['-D', '--daemon'], shape: flag(), standard: 'False', doc: 'Go to the background.' },
    '`--daemon`; the command ends when the program serves, or cannot, with its exit code. A file is evaluated twice then',
    (isOn, to) => {
      if (!isOn) return
      to.set('daemon', to.valueOf<boolean>('enable_stdio_inheritance') === true ? 'inherit' : 'on')
      to.standard('gunicorn', 'umask', '022')
    },
  ),
  works(
    'raw_env',
    {
      flags: ['-e', '--env'],
      shape: list(),
      standard: '[]',
      doc: 'Variable for the application, KEY=VALUE; repeatable.',
    },
    '`--env`',
    (assignments, to) => {
      const byKey = new Map<string, string>()
      for (const assignment of assignments) {
        const equals = assignment.indexOf('=')
        // A value may be a secret.
        if (equals < 0) return to.reject('must be KEY=VALUE')
        byKey.set(assignment.slice(0, equals), assignment)
      }
      to.add('env', ...byKey.values())
    },
  ),
  works(
    'pidfile',
    { flags: ['-p', '--pid'], shape: text(), doc: 'File with the process id of the master.' },
    '`--pid-file`',
    (file, to) => {
      if (file !== '') to.set('pid-file', to.path(file))
    },
  ),
  idle(
    'worker_tmp_dir',
    { flags: ['--worker-tmp-dir'], shape: text(), doc: 'Directory for files by which workers show that they live.' },
    'is not needed: workers write no such files',
  ),
  works(
    'user',
    { flags: ['-u', '--user'], shape: textOrNumber(), doc: 'User of the workers.' },
    '`--user`, which the gateway becomes too; its groups are kept',
    (name, to) => to.set('user', name),
  ),
  works(
    'group',
    { flags: ['-g', '--group'], shape: textOrNumber(), doc: 'Group of the workers.' },
    '`--group`',
    (name, to) => to.set('group', name),
  ),
  works(
    'umask',
    {
      flags: ['-m', '--umask'],
      shape: permissions(),
      standard: '0',
      doc: 'Permissions that a Unix socket does not get.',
    },
    '`--unix-mode`, with the other permissions',
    // `defaults.ts` sets it: only where there is a Unix socket.
    () => {},
  ),
  idle(
    'initgroups',
    { flags: ['--initgroups'], shape: flag(), standard: 'False', doc: 'Give the workers all groups of their user.' },
    'is not needed: it is always so',
  ),
  works(
    'tmp_upload_dir',
    { shape: text(), doc: 'Directory for content of requests that is too large for memory.' },
    '`--temp-dir`',
    (directory, to) => to.set('temp-dir', to.path(directory)),
  ),
  works(
    'pythonpath',
    { flags: ['--pythonpath'], shape: list(','), doc: 'Directories from which Python imports, with commas.' },
    '`--import-path`',
    (directories, to) => {
      const [there, missing] = [directories.filter(one => isDirectory(to.path(one))), new Set(directories)]
      for (const one of there) missing.delete(one)
      if (missing.size > 0) to.tell(`names ${[...missing].join(', ')}, and there is no such directory`)
      // There each goes in front of the one before.
      if (there.length > 0) to.set('import-path', ...there.map(one => to.path(one)).toReversed())
    },
  ),
  ...PASTE,
]
