/**
 * What a site or a location says of CGI programs: which there are, and how they are run. Defined as settings are (`site-keys.ts`). Their variables are
 * `cgi-params` (`param-keys.ts`), their time-out is `proxy-read-timeout` (`upstream-keys.ts`).
 */
import { onOrOff, text } from '../kinds/kinds.ts'
import { input } from './setting.ts'
import { none, ofFile, pair } from './site-kinds.ts'

/** In the place of an application or of files (`handlerKeys`). */
export const cgi = input<string>({
  ...ofFile,
  ...none,
  name: 'cgi',
  placeholder: 'PATH',
  kind: text(
    'path of a program, or of a directory of programs',
    written =>
      written === '' || /[\0\r\n$]/.test(written)
        ? { problem: 'must be a path without variables' }
        : { value: written },
    { absolute: (written, from) => (written === '' ? written : from(written)) },
  ),
  why: 'No program is run that was not named.',
  doc: 'CGI programs: a directory of them, which stands for the prefix of the location, or one program.',
  more: 'In a directory the first file on the path is the program, what follows it is PATH_INFO. Programs are executable files, or have an interpreter (`cgi-interpreters`). They belong to root, to who has started Jumak, or to who owns the directory, and nobody else may write to them. Hidden names are not run, nor what a link leads to outside the directory (`disable-symlinks`). [CGI](../how-to/cgi.md)',
})

/** What a location inherits: the nearest value as a whole. */
export const cgiSettings = {
  cgiInterpreters: input({
    ...ofFile,
    ...none,
    name: 'cgi-interpreters',
    placeholder: 'TABLE',
    kind: pair(/^\.[A-Za-z0-9_+-]{1,16}$/, 'must have extensions with their dot, as in ".pl"'),
    why: 'A program says itself what runs it: `#!/usr/bin/perl`.',
    doc: 'Programs that run files with an extension, as in { ".pl" = "/usr/bin/perl" }.',
    more: 'Such a file need not be executable. The path is absolute.',
    repeatable: 'words',
  }),
  cgiEnv: input<string>({
    ...ofFile,
    ...none,
    name: 'cgi-env',
    placeholder: 'NAME',
    kind: text('name of an environment variable', written =>
      /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(written)
        ? { value: written }
        : { problem: 'must be the name of an environment variable: letters, digits and _' },
    ),
    why: 'What Jumak was started with may have secrets.',
    doc: 'Variables of Jumak’s own environment that programs get, besides PATH, LANG, LC_ALL and TZ; a list.',
    repeatable: 'words',
  }),
  cgiAllowWritable: input({
    ...ofFile,
    name: 'cgi-allow-writable',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Who can write a program runs it.',
    doc: 'Run programs that their group, everybody, or a user of Jumak’s processes may write to.',
    more: 'An upload or an application that writes into such a directory runs as the user of the programs.',
  }),
}
