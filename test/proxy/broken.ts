/**
 * `npm run test:proxy -- broken`: servers that break HTTP, each behind a real nginx with the same location: whether clients get what
 * `support/misbehaviours.ts` says of it.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NGINX } from '../../bench/nginx.ts'
import { runNginx } from '../sites/compare.ts'
import { freePort } from '../support/free-port.ts'
import { askBroken, MISBEHAVIOURS } from '../support/misbehaviours.ts'
import { startRaw } from '../support/upstreams.ts'

/** Resolves with the number of differences from the table, after it has said them. */
export async function compareBroken(): Promise<number> {
  const ways = Object.entries(MISBEHAVIOURS)
  const raw = await startRaw(Object.fromEntries(ways.map(([name, { act }]) => [name, act])))
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'proxy-')))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(join(directory, name))
  const port = await freePort()
  const file = join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; error_log /dev/null; pid ${directory}/nginx.pid; events {}
http { access_log off; ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${raw.port}; proxy_http_version 1.1; proxy_read_timeout 1s; } } }`,
  )
  const nginx = await runNginx(NGINX, file, port)
  const outcomes = await Promise.all(ways.map(([name]) => askBroken(port, name)))
  nginx.kill()
  await Promise.all([once(nginx, 'close'), raw.close()])
  rmSync(directory, { recursive: true, force: true })
  const different = ways.filter(([, { ours, nginxs }], i) => outcomes[i]!.outcome !== (nginxs ?? ours))
  for (const [name, { ours, nginxs }] of different)
    console.log(
      `${name}: nginx ${outcomes[ways.findIndex(way => way[0] === name)]!.outcome}, the table ${nginxs ?? ours}`,
    )
  const stricter = ways.filter(([, { nginxs }]) => nginxs !== undefined).length
  console.log(
    `${ways.length} broken servers, ${stricter} with another outcome than of Jumak, ${different.length} differences from the table`,
  )
  return different.length
}
