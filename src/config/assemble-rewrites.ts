/**
 * The steps of a site or a location from its `rewrites`, in their order. Runs in the command line, and in the master when it reloads.
 *
 * Not here: what a regular expression or a text with variables means (`routing/sites/steps.ts`).
 */
import type { RewriteAction, RewriteStep } from '../sites/model.ts'
import { rewriteKeys } from './settings/rewrite-keys.ts'
import type { Setting } from './settings/setting.ts'
import type { FileTable } from './sources/app-tables.ts'
import type { FileRewrite } from './sources/site-tables.ts'
import type { Values } from './values.ts'

/** Gives the values of a table, and takes what is wrong with them. */
export interface TableValues {
  readonly open: (table: FileTable) => Values
  readonly done: (values: Values) => void
}

/** One entry: first its variables, then its rewrite, its return or its break. */
export function readRewrite(table: FileRewrite, reader: TableValues): RewriteStep[] {
  const values = reader.open(table)
  const steps = stepsOf(values, rewriteKeys.set, ({ name, value }) => ({ kind: 'set', name, value }))
  const to: string | null = values.one(rewriteKeys.to)
  if (values.isGiven(rewriteKeys.from) !== values.isGiven(rewriteKeys.to) && !table.hasMistake)
    values.tell(table.origin, 'a rewrite needs both from and to')
  if (to !== null) {
    const flag = values.one(rewriteKeys.flag)
    steps.push(
      ...stepsOf(values, rewriteKeys.from, source => ({
        kind: 'rewrite',
        pattern: { source, ignoresCase: false },
        to,
        flag,
      })),
    )
  }
  steps.push(
    ...table.rewrites.flatMap(one => readRewrite(one, reader)),
    ...stepsOf(values, rewriteKeys.return, action => action),
    ...stepsOf(values, rewriteKeys.break, isGiven => (isGiven ? { kind: 'break' } : null)),
  )
  if (steps.length === 0 && !table.hasMistake)
    values.tell(
      table.origin,
      'this entry of rewrites does nothing: give from and to, set, return, break, or rewrites of its own',
    )
  const conditional = values.isGiven(rewriteKeys.if)
    ? stepsOf(values, rewriteKeys.if, condition => ({ kind: 'if', condition, steps }))
    : steps
  reader.done(values)
  return conditional
}

/** A step for each value that was given, with its place. */
export function stepsOf<Value>(
  values: Values,
  key: Setting<Value>,
  action: (value: Value) => RewriteAction | null,
): RewriteStep[] {
  if (!values.isGiven(key)) return []
  return values.taken(key).flatMap(({ value, given: { origin } }) => {
    const step = action(value)
    return step === null || origin.from !== 'file'
      ? []
      : [{ ...step, place: { file: origin.file, ...origin.position } }]
  })
}
