/** For tests of processes: an application that says which process and which user it is, and a log without the invariants of `server.ts`. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Project } from './project.ts'
import { RawClient } from './raw-client.ts'

export const LIFE = `
import json, os, sys, tempfile, threading, time
if os.path.exists("die"):
    os._exit(3)
imported_by = [os.getpid(), os.getresuid() if hasattr(os, "getresuid") else None]
hooked = None
hoard = []

def hook():
    global hooked
    hooked = os.getpid()

def broken_hook():
    raise ConnectionError("no database")

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/file":
        file = open(os.environ["JT_FILE"], "rb")
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)
    if path == "/upload":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [str(len(body)).encode()]
    if path == "/hoard":
        hoard.append(os.urandom(60 * 1024 * 1024))
    if path.endswith("/hold"):
        print("holding", flush=True)
        while not os.path.exists(environ["QUERY_STRING"].split("=", 1)[1]):
            time.sleep(0.01)  # wait: a test has no other way to tell an application
    if path == "/exit":
        os._exit(9)
    if path == "/orphan":
        if os.fork() == 0:
            parent = os.getpid()
            if os.fork() == 0:
                # wait: for its parent to end, so that it is an orphan when it ends
                while os.getppid() == parent:
                    time.sleep(0.01)
            os._exit(0)
        os.wait()
    umask = os.umask(0)
    os.umask(umask)
    answer = {
        "pid": os.getpid(), "hooked": hooked, "umask": umask, "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
        "groups": sorted(os.getgroups()), "env": dict(os.environ), "parent": os.getppid(), "directory": os.getcwd(),
        "script": environ["SCRIPT_NAME"], "path": path,
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
`

export interface Answer {
  readonly pid: number
  readonly hooked: number | null
  readonly umask: number
  readonly ids: readonly number[]
  readonly groups: readonly number[]
  readonly env: Readonly<Record<string, string>>
  /** The process that forked it. */
  readonly parent: number
  readonly directory: string
  /** SCRIPT_NAME and PATH_INFO. */
  readonly script: string
  readonly path: string
}

/** A directory with that application. Every user may read it. */
export function makeDirectory(t: TestContext): string {
  const { directory } = new Project(t, { 'app.py': LIFE })
  chmodSync(directory, 0o755)
  return directory
}

export async function ask(target: number | string, path = '/', ...headers: string[]): Promise<Answer> {
  const client = new RawClient(target).get(path, 'Connection: close', ...headers)
  const response = await client.response()
  client.close()
  assert.equal(response.status, 200, response.body.toString())
  return JSON.parse(response.body.toString())
}

/** Waits until the log matches. Returns a function that gives the whole log so far. */
export async function readLog(child: ChildProcess, pattern: RegExp): Promise<() => string> {
  let text = ''
  const closed = once(child, 'close').then(() => assert.fail(`it ended:\n${text}`))
  closed.catch(() => {})
  const seen = new Promise<void>(resolve =>
    child.stderr!.on('data', data => {
      text += data
      if (pattern.test(text)) resolve()
    }),
  )
  await Promise.race([seen, closed])
  return () => text
}
