/**
 * Compares us with the real PCRE2 on the patterns of a directory of nginx's files, which stay where they are:
 *
 *     sh scripts/node src/patterns/testing/corpus.ts DIR
 *
 * Says what is refused and what differs; exit code 1: something differs. Patterns are found by their line, not by nginx's grammar.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../test/fuzz/random.ts'
import { parse } from '../parser.ts'
import { compilePattern, Pattern } from '../pattern.ts'
import { askPcre2, type Question } from './pcre2.ts'
import { nearby, sampleOf } from './sample.ts'

const SUBJECTS = 20
/** `location ~* x {`, `rewrite x`, `if ($y ~ x)`, `"~*x" value;` of a map, `server_name ~x;` */
const FORMS: readonly RegExp[] = [
  /^\s*location\s+~(\*?)\s*("[^"]+"|\S+)/,
  /^\s*rewrite\s+()("[^"]+"|\S+)/,
  /^\s*if\s*\(\s*\$\S+\s+!?~(\*?)\s*("[^"]+"|\S+?)\s*\)\s*\{/,
  /^\s*"?~(\*?)([^\s"]+)"?\s+\S.*;/,
  /^\s*server_name\s.*?~()([^\s;]+)/,
]

const directory = process.argv[2]
if (directory === undefined) throw new Error('name the directory: corpus.ts DIR')
const found = new Map<string, { readonly pattern: string; readonly i: boolean }>()
for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  for (const line of readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n'))
    for (const form of FORMS) {
      const match = form.exec(line)
      if (match === null) continue
      const pattern = match[2]!.replace(/^"(.*)"$/, '$1')
      found.set(`${match[1]} ${pattern}`, { pattern, i: match[1] === '*' })
    }
}

const random = new Random(1)
const compiled: Pattern[] = []
const questions: Question[] = []
for (const { pattern, i } of found.values()) {
  const ours = compilePattern(pattern, { caseInsensitive: i })
  if (!(ours instanceof Pattern)) {
    console.log(`refused: ${pattern}: ${ours.message}`)
    continue
  }
  const { root } = parse(pattern, i)
  compiled.push(ours)
  questions.push({
    pattern,
    i,
    subjects: Array.from({ length: SUBJECTS }, () => nearby(sampleOf(root, random), random)),
  })
}
let differences = 0
for (const [at, { pattern, subjects, matches, error }] of askPcre2(questions).entries()) {
  if (error !== undefined) console.log(`only PCRE2 refuses: ${pattern}: ${error}`)
  for (const [index, subject] of subjects.entries()) {
    const own = compiled[at]!.exec(subject)
    const groups = own && Array.from({ length: compiled[at]!.groups + 1 }, (_, group) => own[group] ?? null)
    if (JSON.stringify(groups) === JSON.stringify(matches![index])) continue
    differences++
    console.log(`differs: ${pattern} on ${JSON.stringify(subject)}: ${JSON.stringify(groups)}`)
  }
}
const linear = compiled.filter(({ isLinear }) => isLinear).length
console.log(
  `${found.size} patterns, ${compiled.length} taken, ${linear} by V8 for any subject, ${differences} differences`,
)
process.exitCode = differences === 0 ? 0 : 1
