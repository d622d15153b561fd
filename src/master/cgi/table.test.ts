/** What the spawner is told: the same that its own tests read. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Config } from '../../config/types.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { cgiPrograms } from './table.ts'

const { right } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../test/vectors/cgi.json'), 'utf8')) as {
  readonly right: readonly unknown[]
}

const cgi = { processes: 8, queueTimeout: 0, identity: null }
const PROGRAM = {
  key: '5b1e',
  path: '/srv/cgi-bin',
  isDirectory: true,
  links: 'within',
  mayBeWritable: false,
  owners: [0, 1000],
  interpreters: { '.pl': '/usr/bin/perl' },
  variables: [],
} as const

function tableOf(variables: readonly string[], environment: Record<string, string>): ReturnType<typeof cgiPrograms> {
  const config: Pick<Config, 'cgi' | 'sites'> = {
    cgi,
    sites: { ...NO_SITES, cgiPrograms: [{ ...PROGRAM, variables }] },
  }
  return cgiPrograms(config, '9f0c', environment)
}

test('the table is as both languages have it', () => {
  assert.deepEqual(tableOf([], { PATH: '/usr/bin:/bin', LANG: 'ko_KR.UTF-8', SECRET: 'x' }), right[1])
})

test('programs get the variables that are named, and a PATH always', () => {
  const { variables } = tableOf(['OWN', 'MISSING'], { OWN: 'x', TZ: 'Asia/Seoul', SECRET: 'y' }).programs['5b1e']!
  assert.deepEqual(variables, { PATH: '/usr/local/bin:/usr/bin:/bin', TZ: 'Asia/Seoul', OWN: 'x' })
})
