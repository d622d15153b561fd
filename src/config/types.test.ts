import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

test('types.ts is nothing at run time, so the gateway loads no definition of a setting', () => {
  const text = readFileSync(join(import.meta.dirname, 'types.ts'), 'utf8')
  const statements = text.match(/^(?:import|export)\b.*/gm)!
  assert.ok(statements.length > 0)
  for (const statement of statements) assert.match(statement, /^(?:import type|export type|export interface)\b/)
})
