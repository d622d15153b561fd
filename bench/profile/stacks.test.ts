import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CpuProfile,
  formatCollapsed,
  fromCpuProfile,
  fromPerfScript,
  fromWorkerSampler,
  parseCollapsed,
} from './stacks.ts'

const ROOT = '/home/me/jumak'

const callFrame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber })

/** What V8 made of a small program, with fewer fields. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: callFrame('(root)', '', -1), hitCount: 0, children: [2, 6, 7] },
    { id: 2, callFrame: callFrame('run', 'node:internal/modules/esm/module_job', 557), hitCount: 0, children: [3] },
    { id: 3, callFrame: callFrame('', 'file:///home/me/jumak/src/a%20b.ts', -1), hitCount: 4, children: [4, 5] },
    { id: 4, callFrame: callFrame('post', '', -1), hitCount: 1 },
    { id: 5, callFrame: callFrame('#busy', 'file:///home/me/jumak/src/http1/parser.ts', 2), hitCount: 44 },
    { id: 6, callFrame: callFrame('(garbage collector)', '', -1), hitCount: 14 },
    { id: 7, callFrame: callFrame('(idle)', '', -1), hitCount: 18 },
  ],
}

test('stacks of a profile of V8: from the root, lines from 1, without waiting', () => {
  const module = 'run (node:internal/modules/esm/module_job:558);anonymous (src/a b.ts:1)'
  const { stacks, idle } = fromCpuProfile(PROFILE, ROOT)
  assert.deepEqual(
    stacks,
    new Map([
      [module, 4],
      [`${module};post (native)`, 1],
      [`${module};#busy (src/http1/parser.ts:3)`, 44],
      ['(garbage collector)', 14],
    ]),
  )
  assert.equal(idle, 18)
})

const PERF = `node-MainThread 15685/15685 
	ffffffff820252a9 __tcp_transmit_skb ([kernel.kallsyms])
	           f838f __GI___libc_write (/usr/lib/x86_64-linux-gnu/libc.so.6)
	          788120 node::StreamBase::JSMethod<&node::StreamBase::WriteBuffer> (/home/me/bin/node)
	    7ff34006fb71 JS:+'writeGeneric node:internal/stream_base_commons:93:22 (/tmp/perf-15685.map)
	    7ff3400fca84 JS:*'#advance file:///home/me/jumak/src/http1/connection.ts:154:11+0x4c4 (/tmp/perf-15685.map)
	    7ff3400e5c8f JS:^ file:///home/me/jumak/src/apps/wsgi/link.ts:187:8 (/tmp/perf-15685.map)
	    7ffe5e44b3c0 [unknown] ([unknown])

node-V8Worker 15685/15688 
	         25fb4cd v8::internal::compiler::Type::SlowIs (/home/me/bin/node)

python 15692/15692 
	           8d535 _PyEval_EvalFrameDefault (/usr/lib/libpython3.13.so.1.0)

python 15692/15692 
	           8d535 _PyEval_EvalFrameDefault (/usr/lib/libpython3.13.so.1.0)

`

test('stacks of perf: by process, with the names of JavaScript', () => {
  const main = [
    'node-MainThread (thread)',
    'anonymous (src/apps/wsgi/link.ts:187)',
    '#advance (src/http1/connection.ts:154)',
    'writeGeneric (node:internal/stream_base_commons:93)',
    'node::StreamBase::JSMethod<&node::StreamBase::WriteBuffer> (native)',
    '__GI___libc_write (native)',
    '__tcp_transmit_skb (kernel)',
  ]
  assert.deepEqual(
    fromPerfScript(PERF, ROOT),
    new Map([
      [
        15685,
        new Map([
          [main.join(';'), 1],
          ['node-V8Worker (thread);v8::internal::compiler::Type::SlowIs (native)', 1],
        ]),
      ],
      [15692, new Map([['python (thread);_PyEval_EvalFrameDefault (native)', 2]])],
    ]),
  )
})

test('stacks of a worker: places from the root of the project, of a package, of the library', () => {
  const frames = [
    '<module>\t/home/me/jumak/python/jumak_worker/__main__.py:1',
    'WSGIHandler.__call__\t/home/me/jumak/.cache/bench-venv/lib/python3.13/site-packages/django/core/wsgi.py:120',
    'Thread.run\t/usr/local/lib/python3.13/threading.py:1014',
    'make\t<string>:1',
  ]
  assert.deepEqual(
    [...fromWorkerSampler(`${frames.join(';')} 3\n`, ROOT)],
    [
      [
        '<module> (python/jumak_worker/__main__.py:1);WSGIHandler.__call__ (site-packages/django/core/wsgi.py:120);' +
          'Thread.run (python3.13/threading.py:1014);make (<string>:1)',
        3,
      ],
    ],
  )
})

test('collapsed stacks are read as they are written, and the same ones count together', () => {
  const stacks = parseCollapsed('a b (x:1);c (y:2) 3\nd 1\na b (x:1);c (y:2) 4\n')
  assert.equal(formatCollapsed(stacks), 'a b (x:1);c (y:2) 7\nd 1\n')
  for (const wrong of ['a;b', 'a;b x', 'a;b 1.5', 'a;b -1', ' 3'])
    assert.throws(() => parseCollapsed(wrong), /no collapsed stack/, wrong)
})
