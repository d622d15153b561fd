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
import type { AppConfig, AppLimits, AppTimeouts, Config, HealthPaths, Limits, Recycle, Timeouts } from '../types.ts'
import { makeEnvironment } from './tree.ts'

/** Of a part of the configuration, such as `limits`, single values may be changed. */
export interface Changes extends Partial<Omit<Config, 'limits' | 'timeouts' | 'health'>> {
  readonly limits?: Partial<Limits> | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  readonly health?: Partial<HealthPaths> | undefined
}

export interface AppChanges extends Partial<Omit<AppConfig, 'limits' | 'timeouts' | 'recycle'>> {
  readonly limits?: Partial<AppLimits> | undefined
  readonly timeouts?: Partial<AppTimeouts> | undefined
  readonly recycle?: Partial<Recycle> | undefined
}

let defaults: Config | null = null

/** It has one application, `testApp()`, unless the test gives others. */
export function testConfig(changes: Changes = {}): Config {
  defaults ??= loadDefaults()
  return {
    ...defaults,
    ...changes,
    limits: { ...defaults.limits, ...changes.limits },
    timeouts: { ...defaults.timeouts, ...changes.timeouts },
    health: { ...defaults.health, ...changes.health },
  }
}

export function testApp(changes: AppChanges = {}): AppConfig {
  const app = testConfig().apps[0]!
  return {
    ...app,
    ...changes,
    limits: { ...app.limits, ...changes.limits },
    timeouts: { ...app.timeouts, ...changes.timeouts },
    recycle: { ...app.recycle, ...changes.recycle },
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
