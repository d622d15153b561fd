/**
 * A whole configuration for tests, made by the real loader: every default, with the changes that a test is about. A new setting needs
 * nothing here. It is the same on every machine.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../load.ts'
import { parseArguments } from '../sources/arguments.ts'
import type { Config, HealthPaths, Limits, Recycle, Timeouts } from '../types.ts'
import { makeEnvironment } from './tree.ts'

/** Of a part of the configuration, such as `limits`, single values may be changed. */
export interface Changes extends Partial<Omit<Config, 'limits' | 'timeouts' | 'recycle' | 'health'>> {
  readonly limits?: Partial<Limits> | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  readonly recycle?: Partial<Recycle> | undefined
  readonly health?: Partial<HealthPaths> | undefined
}

let defaults: Config | null = null

export function testConfig(changes: Changes = {}): Config {
  defaults ??= loadDefaults()
  return {
    ...defaults,
    ...changes,
    limits: { ...defaults.limits, ...changes.limits },
    timeouts: { ...defaults.timeouts, ...changes.timeouts },
    recycle: { ...defaults.recycle, ...changes.recycle },
    health: { ...defaults.health, ...changes.health },
  }
}

/** The directory and its application do not exist afterwards: a test that needs them gives its own. */
function loadDefaults(): Config {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-config-')))
  try {
    writeFileSync(join(root, 'app.py'), 'app = 1\n')
    const loaded = loadConfig(parseArguments([]), makeEnvironment(root))
    assert.ok('config' in loaded)
    return loaded.config
  } finally {
    rmSync(root, { recursive: true })
  }
}
