/** Checks that run side by side, one line each when it is done, and the output of those that fail at the end. */
import { type CommandOptions, type CommandResult, run, seconds } from './command.ts'
import { BIOME, ROOT, TSC } from './tools.ts'

/** Flags of Node for a file of tests. */
export const TEST_FLAGS: readonly string[] = ['--import', `${import.meta.dirname}/compile-cache.ts`]

export interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly options?: CommandOptions
}

/** Everything that needs no server and no package of Python: what reads the code, and does not run it. */
export const STATIC_CHECKS: readonly Step[] = [
  { name: 'format and lint', command: process.execPath, args: [BIOME, 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: process.execPath, args: [TSC, '-p', '.'] },
  { name: 'import rules', command: process.execPath, args: ['scripts/check-layers.ts'] },
  { name: 'READMEs', command: process.execPath, args: ['scripts/check-readmes.ts'] },
  { name: 'regular expressions', command: process.execPath, args: ['scripts/check-regexes.ts'] },
  { name: 'rules of tests', command: process.execPath, args: ['scripts/check-tests.ts'] },
]

/** The worker's own tests on one interpreter; warnings are errors. */
export function pythonUnitTests(python: string, name: string): Step {
  return {
    name: `Python unit tests, ${name}`,
    command: python,
    args: ['-W', 'error', '-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'],
    options: { cwd: `${ROOT}/python`, env: { PYTHONDONTWRITEBYTECODE: '1' } },
  }
}

/** The example's own tests; `python` is of an environment with Django. */
export function exampleTests(python: string, name: string, dataDirectory: string): Step {
  return {
    name: `tests of the example, ${name}`,
    command: python,
    args: ['-W', 'error::ResourceWarning', 'manage.py', 'test'],
    options: {
      cwd: `${ROOT}/examples/django-shop`,
      env: { PYTHONDONTWRITEBYTECODE: '1', SHOP_DATA: dataDirectory },
    },
  }
}

/** True when every step passed. All steps run to their end, so one run tells everything that is wrong. */
export async function runSteps(steps: readonly Step[]): Promise<boolean> {
  const results = await Promise.all(steps.map(runStep))
  const failed = results.filter(({ result }) => result.code !== 0)
  for (const { step, result } of failed) {
    console.log(`\n── ${step.name} failed (exit code ${result.code}): ${[step.command, ...step.args].join(' ')}`)
    console.log(result.output.trimEnd())
  }
  return failed.length === 0
}

async function runStep(step: Step): Promise<{ step: Step; result: CommandResult }> {
  const result = await run(step.command, step.args, { cwd: ROOT, ...step.options })
  console.log(`${result.code === 0 ? 'ok    ' : 'FAILED'} ${step.name.padEnd(32)} ${seconds(result.milliseconds)}`)
  return { step, result }
}
