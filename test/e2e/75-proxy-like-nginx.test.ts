/** Proxied requests beside a real nginx: `npm run test:proxy` tries more of them, and shows one again (`-- one INDEX SEED`). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'

const skip = existsSync(NGINX) ? false : 'nginx is not installed'

async function said(...words: string[]): Promise<string> {
  const main = spawn(process.execPath, [join(import.meta.dirname, '../proxy/main.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return text(main.stdout)
}

test('15 locations at random pass 120 requests on as nginx does', { skip }, async () => {
  assert.match(await said('15', '1'), /^seed 1: 15 locations, 120 requests, 0 differences$/m)
})

test('15 locations of FastCGI, SCGI and uwsgi pass 120 requests on as nginx does', { skip }, async () => {
  assert.match(await said('scripts', '15', '1'), /^seed 1: 15 locations of scripts, 120 requests, 0 differences$/m)
})
