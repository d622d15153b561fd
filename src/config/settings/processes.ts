/** Settings of the processes: their permissions, their files. */
import { octalOr, path } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

export const processes = {
  umask: plain({
    name: 'umask',
    section: 'Process',
    placeholder: 'MASK',
    kind: octalOr('inherit'),
    default: 'inherit',
    why: 'systemd, Docker and shells set a mask.',
    doc: 'Permissions that new files do not get, octal.',
    change: 'restart',
  }),
  pidFile: plain({
    name: 'pid-file',
    section: 'Process',
    placeholder: 'FILE',
    kind: path('must name a file, or be off', ['off']),
    default: 'off',
    why: 'systemd and Docker need no such file.',
    doc: 'File with the process id of the master, while it runs.',
    change: 'restart',
  }),
  temporaryDirectory: input({
    name: 'temp-dir',
    section: 'Process',
    placeholder: 'DIR',
    kind: path('must name a directory, or be auto', ['auto']),
    default: 'auto',
    defaultText: '$TMPDIR, else /tmp',
    why: 'Every program takes these.',
    doc: 'Directory for large bodies and for sockets between processes.',
    more: 'For large uploads name a directory on a disk, not in memory.',
    change: 'restart',
  }),
  affinityKey: plain({
    name: 'affinity-key',
    section: 'Process',
    placeholder: 'FILE',
    kind: path('must name a file, or be auto', ['auto']),
    default: 'auto',
    defaultText: '$STATE_DIRECTORY, /var/lib/jumak or ~/.local/state/jumak',
    why: 'It survives restarts there, so that clients keep their cookies.',
    doc: 'File with the key that signs the cookies of --affinity cookie.',
    more: 'Made at the first start, readable for its owner only. `auto`: `affinity.key` in $STATE_DIRECTORY (systemd), else in `/var/lib/jumak` for root, else in `$XDG_STATE_HOME/jumak` or `~/.local/state/jumak`. Several machines behind one address need no common key: each counts the other’s cookies as none.',
    change: 'restart',
  }),
}
