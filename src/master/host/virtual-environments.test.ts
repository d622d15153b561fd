import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { findPython } from './python.ts'
import { poetryHash } from './virtual-environments.ts'

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jt-')))
  mkdirSync(join(root, 'work/shop'), { recursive: true })
  makePython('bin/python3')
})
afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, text: string): string {
  const full = join(root, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text)
  return full
}

function makePython(path: string): string {
  const full = write(path, '#!/bin/sh\necho "cpython 3.13.0"\n')
  chmodSync(full, 0o755)
  return full
}

async function find(variables: Record<string, string> = {}): Promise<readonly [string, string]> {
  const environment = { PATH: join(root, 'bin'), HOME: join(root, 'home'), ...variables }
  const { path, reason } = await findPython({ explicit: null, directory: join(root, 'work/shop'), environment })
  return [path, reason.replace(root, '')]
}

test('an environment in a directory above, the nearest first', async () => {
  const far = makePython('.venv/bin/python')
  assert.deepEqual(await find(), [far, '.venv in '])
  const near = makePython('work/venv/bin/python')
  assert.deepEqual(await find(), [near, 'venv in /work'])
  const own = makePython('work/shop/.venv/bin/python')
  assert.deepEqual(await find(), [own, ".venv in the application's directory"])
})

test('no environment in a directory where anybody may put one, and none above it', async () => {
  makePython('.venv/bin/python')
  makePython('work/.venv/bin/python')
  chmodSync(join(root, 'work'), 0o1777)
  assert.equal((await find())[1], 'python3 on PATH')
})

test('the active conda environment, but not its base', async () => {
  const conda = makePython('conda/envs/shop/bin/python')
  const active = { CONDA_PREFIX: join(root, 'conda/envs/shop'), CONDA_DEFAULT_ENV: 'shop' }
  assert.deepEqual(await find(active), [conda, 'the active conda environment'])
  makePython('conda/bin/python')
  assert.equal((await find({ CONDA_PREFIX: join(root, 'conda'), CONDA_DEFAULT_ENV: 'base' }))[1], 'python3 on PATH')
  await assert.rejects(
    find({ CONDA_PREFIX: join(root, 'gone') }),
    /CONDA_PREFIX names .*\/gone, which has no bin\/python/,
  )
  const virtual = makePython('active/bin/python')
  assert.equal((await find({ ...active, VIRTUAL_ENV: join(root, 'active') }))[0], virtual)
})

test('the environment that uv is told to use, seen from its workspace', async () => {
  const other = makePython('work/env/bin/python')
  write('work/uv.lock', '')
  write('work/shop/pyproject.toml', '')
  assert.deepEqual(await find({ UV_PROJECT_ENVIRONMENT: 'env' }), [other, "the project's environment of uv"])
  makePython('work/.venv/bin/python')
  assert.equal((await find({ UV_PROJECT_ENVIRONMENT: join(root, 'work/env') }))[0], other)
})

test('the name that poetry gives an environment', () => {
  // Poetry 2.5.1 made my-proj-x-ktVLfCqp-py3.11 there.
  assert.equal(poetryHash('/tmp/g/My.Proj_x'), 'ktVLfCqp')
})

test('an environment that poetry made: the one in use, otherwise the newest', async () => {
  write('work/pyproject.toml', '')
  const name = `shop-${poetryHash(join(root, 'work'))}`
  const cache = 'home/.cache/pypoetry/virtualenvs'
  const nine = makePython(`${cache}/${name}-py3.9/bin/python`)
  const twelve = makePython(`${cache}/${name}-py3.12/bin/python`)
  makePython(`${cache}/shop-${poetryHash(join(root, 'other'))}-py3.13/bin/python`)
  if (process.platform !== 'darwin') assert.deepEqual(await find(), [twelve, "the project's environment of poetry"])
  const folder = join(root, cache)
  assert.equal((await find({ POETRY_VIRTUALENVS_PATH: folder }))[0], twelve)
  assert.equal((await find({ POETRY_CACHE_DIR: dirname(folder) }))[0], twelve)
  write(`${cache}/envs.toml`, `[other]\nminor = "3.12"\n[${name}]\nminor = "3.9"\npatch = "3.9.18"\n`)
  assert.equal((await find({ POETRY_VIRTUALENVS_PATH: folder }))[0], nine)
  const inside = makePython('work/.venv/bin/python')
  assert.equal((await find({ POETRY_VIRTUALENVS_PATH: folder }))[0], inside)
})
