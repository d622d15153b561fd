/** Settings of the processes: the threads and the user of the gateway, their permissions, their files. */
import { account } from '../kinds/account.ts'
import { countOr, type Kind, octalOr, oneOf, path } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

/** Each thread has links of its own to all workers: a larger number is a typing mistake. */
export const MAX_GATEWAY_THREADS = 64

const adminWords = path('must be a path, or be auto or off', ['auto', 'off'])
/** The words stay as they are. */
const adminPath: Kind<string> = {
  ...adminWords,
  parse: written => {
    const parsed = adminWords.parse(written)
    return 'value' in parsed ? { value: parsed.value ?? written } : parsed
  },
}

export const processes = {
  gatewayThreads: input({
    name: 'gateway-threads',
    section: 'Process',
    placeholder: 'N',
    kind: countOr('auto', 1, MAX_GATEWAY_THREADS),
    default: 'auto',
    why: 'One thread feeds the workers of four cores and more, and no request is cheaper than with one.',
    doc: 'Threads that talk to clients; auto: one for each four cores.',
    more: 'All threads share one queue: no request waits while a worker is free. Each thread takes some 12 to 18 MB, and holds a link to each place of each worker. More than one needs Node 26; with `reload` there is always one. [When one is not enough](../how-to/gateway-threads.md)',
    change: 'restart',
  }),
  gatewayUser: input<string | null>({
    name: 'gateway-user',
    section: 'Process',
    placeholder: 'NAME',
    kind: account,
    default: 'none',
    defaultText: 'the user of --user',
    why: 'One user needs no further account.',
    doc: 'User of the gateway, which talks to the clients; needs root.',
    more: "Its group is the user's own. An application that is another user can read neither what the gateway knows of other applications, nor its logs. Then the gateway cannot open the application's files, so the workers send them themselves. No application should be in the gateway's group: with it, an application reaches the sockets of the others. `none`: as started.",
    change: 'restart',
  }),
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
  daemon: plain<'off' | 'on' | 'inherit'>({
    name: 'daemon',
    section: 'Process',
    placeholder: 'HOW',
    kind: oneOf(['off', 'on', 'inherit']),
    default: 'off',
    why: 'systemd, containers and terminals want a program that stays.',
    doc: 'Go to the background: off, on, or inherit with its output.',
    more: 'The command ends when the program serves, with 0, or when it cannot, with its exit code; until then it shows warnings and errors. Standard output and error are `/dev/null` then, so name a `log-file`. `inherit`: they stay the files or pipes that they are; a terminal is `/dev/null` all the same.',
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
  adminSocket: input({
    name: 'admin-socket',
    section: 'Process',
    placeholder: 'PATH',
    kind: adminPath,
    default: 'auto',
    why: 'So `jumak status` and the other commands find it by themselves.',
    doc: 'Unix socket for jumak status, reload, stop and the like.',
    more: '`auto`: in `/run/jumak` for root, else in `$XDG_RUNTIME_DIR/jumak` or `/tmp/.jumak-admin-<uid>`, under a name made of the path of the configuration file, or of the directory. Only the user who starts Jumak, and root, can use it ([more](admin.md)).',
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
    doc: 'File with the key that signs the cookies of --affinity cookie, and of `sticky` of upstreams.',
    more: 'Made when the first application or upstream has such cookies, readable for its owner only. `auto`: `affinity.key` in $STATE_DIRECTORY (systemd), else in `/var/lib/jumak` for root, else in `$XDG_STATE_HOME/jumak` or `~/.local/state/jumak`. Several machines behind one address need no common key: each counts the other’s cookies as none.',
    change: 'restart',
  }),
}
