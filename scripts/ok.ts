/** `npm run ok`: the fast gate before a commit. Format, lint, types, import rules, READMEs, regular expressions, rules of tests, unit tests; under a minute. */
import { passWrapper } from './lib/python.ts'
import { pythonUnitTests, runSteps, STATIC_CHECKS, TEST_FLAGS } from './lib/steps.ts'

await passWrapper()
const passed = await runSteps([
  ...STATIC_CHECKS,
  {
    name: 'unit tests',
    command: process.execPath,
    args: [
      ...TEST_FLAGS,
      '--test',
      '--test-reporter=dot',
      '--test-timeout=60000',
      'src/**/*.test.ts',
      'scripts/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
  },
  pythonUnitTests('python3', 'python3'),
])
console.log(passed ? 'ok' : '\nnot ok')
process.exitCode = passed ? 0 : 1
