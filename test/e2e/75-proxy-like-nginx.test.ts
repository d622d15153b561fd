/** Proxied requests beside a real nginx: `npm run test:proxy` tries more of them, and shows one again (`-- one INDEX SEED`). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'

test('15 locations at random pass 120 requests on as nginx does', {
  skip: existsSync(NGINX) ? false : 'nginx is not installed',
}, async () => {
  const main = spawn(process.execPath, [join(import.meta.dirname, '../proxy/main.ts'), '15', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await text(main.stdout)
  assert.match(said, /^seed 1: 15 locations, 120 requests, 0 differences$/m)
})
