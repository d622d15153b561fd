/** Settings of CGI programs: how many run at once, as whom. Which programs there are, sites say (`cgi-keys.ts`). */
import { account } from '../kinds/account.ts'
import { countOr, duration, path } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

/** Each is a process with three pipes. More is a typing mistake. */
export const MAX_CGI_PROCESSES = 1024

export const cgi = {
  cgiSite: input<string | null>({
    name: 'cgi',
    section: 'Application',
    sources: ['flag'],
    placeholder: 'PATH',
    kind: path('must name a program or a directory of programs, or be off', ['off']),
    default: 'off',
    why: 'No program is run that was not named.',
    doc: 'Serve CGI programs: a directory of them, or one.',
    more: 'The same as `[[site]]` with `cgi = "PATH"`, and no application. [CGI](../how-to/cgi.md)',
    change: 'live',
  }),
  cgi: {
    processes: input({
      name: 'cgi-processes',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 1, MAX_CGI_PROCESSES),
      default: 'auto',
      defaultText: '4 a core',
      why: 'Programs wait for disks and other servers, and each takes memory of its own.',
      doc: 'CGI programs that run at once; others wait.',
      change: 'live',
    }),
    queueTimeout: plain({
      name: 'cgi-queue-timeout',
      section: 'Limits',
      placeholder: 'TIME',
      kind: duration('no limit'),
      default: '30s',
      why: 'As `queue-timeout`: nobody waits longer for a page.',
      doc: 'Time to wait for a CGI program to start; then 503.',
      change: 'live',
    }),
    user: input<string | null>({
      name: 'cgi-user',
      section: 'Process',
      placeholder: 'NAME',
      kind: account,
      default: 'none',
      defaultText: 'the user of --user',
      why: 'One user needs no further account.',
      doc: 'User of CGI programs; needs root.',
      more: 'They never run as root. With a user of their own they can read nothing of the gateway, such as keys in its memory.',
      change: 'restart',
    }),
  },
}
