/** Keys of an entry of `rewrites`, of a site or a location. They are defined as settings are. */
import { oneOf, onOrOff, text } from '../kinds/kinds.ts'
import { parseCondition } from '../kinds/site-words.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { handlerKeys } from './site-keys.ts'
import { none, ofFile, pair, template } from './site-kinds.ts'

export const rewriteKeys = {
  if: input({
    ...ofFile,
    ...none,
    name: 'if',
    placeholder: 'CONDITION',
    kind: text(
      '`$x`, `$x = text`, `$x != text`, `$x ~ regex`, `~*`, `!~`, `!~*`, `-f PATH`, `-d`, `-e`, `-x`, `!-f` …',
      parseCondition,
    ),
    why: 'Most steps are for all requests.',
    doc: 'The step is done only then: "$arg_x", "$host = name", "$uri ~ regex", "!-f $request_filename".',
    more: '`-f` asks for a file, `-d` for a directory, `-e` for either, `-x` for what its owner may execute; links are followed wherever they lead, and what was seen is believed for a second. A name with `..` that a variable made is not there. `try-files` says the same shorter, and sees only what would be served.',
  }),
  from: input<string>({
    ...ofFile,
    ...none,
    name: 'from',
    placeholder: 'REGEX',
    kind: template('regular expression'),
    why: 'It belongs to `to`.',
    doc: 'Paths that are rewritten: a regular expression.',
  }),
  to: input<string>({
    ...ofFile,
    ...none,
    name: 'to',
    placeholder: 'PATH',
    kind: template('path or URL, may have variables and $1'),
    why: 'It belongs to `from`.',
    doc: 'The new path, or a URL, which is a redirect.',
    more: 'The query is kept, unless there is a question mark at the end.',
  }),
  flag: input({
    ...ofFile,
    name: 'flag',
    placeholder: 'WORD',
    kind: oneOf(['next', 'last', 'break', 'redirect', 'permanent']),
    default: 'next',
    why: 'The steps are done one after the other.',
    doc: 'What follows: the next step, a new search (last), nothing more here (break), a redirect (302), or permanent (301).',
  }),
  set: input({
    ...ofFile,
    ...none,
    name: 'set',
    placeholder: 'TABLE',
    kind: pair(/^[A-Za-z_]\w*$/, 'must have names of variables, without $'),
    why: 'Most sites need no variables of their own.',
    doc: 'Variables that get a value, as in { kind = "$arg_kind" }.',
    repeatable: 'words',
  }),
  return: handlerKeys.return,
  break: input<boolean>({
    ...ofFile,
    name: 'break',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    why: 'Steps go on to the end.',
    doc: 'No more steps here.',
  }),
}

export const REWRITE_KEYS: readonly Setting[] = settingsIn(rewriteKeys)
