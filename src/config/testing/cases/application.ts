import type { Case } from './case.ts'

export const application: Readonly<Record<string, Case>> = {
  app: {
    of: (_, { target }) => target.display,
    standard: 'app:app',
    texts: [
      ['blog.wsgi', 'blog.wsgi'],
      ['app.py', 'app.py'],
      ['.', 'app:app'],
    ],
    toml: '"blog.wsgi"',
    wrong: ['shop:', /must have the name of a callable/],
  },
  config: {
    of: (_, { threads }) => threads,
    standard: 1,
    texts: [
      ['other.toml', 9],
      ['$/other.toml', 9],
      ['auto', 1],
    ],
    toml: '',
    wrong: ['nowhere.toml', /must name a file that exists/],
  },
  chdir: {
    of: (_, { directory }) => directory,
    standard: '$',
    texts: [
      ['site', '$/site'],
      ['$/site', '$/site'],
      ['.', '$'],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that exists/],
  },
  python: {
    of: (_, { python }) => python,
    standard: null,
    texts: [
      ['./venv/bin/python', '$/venv/bin/python'],
      ['python3.13', 'python3.13'],
      ['auto', null],
    ],
    toml: '"venv/bin/python"',
    wrong: ['\0', /must name a Python interpreter or a virtual environment, or be auto/],
  },
  'import-path': {
    of: (_, { importPath }) => importPath,
    standard: [],
    texts: [
      ['site', ['$/site']],
      ['$/site', ['$/site']],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that exists/],
  },
  interface: {
    of: (_, app) => app.interface,
    standard: 'auto',
    texts: [
      ['wsgi', 'wsgi'],
      ['asgi2', 'asgi2'],
      ['asgi3', 'asgi3'],
    ],
    toml: '"wsgi"',
    wrong: ['rsgi', /must be auto, wsgi, asgi3 or asgi2/],
  },
  loop: {
    of: (_, { loop }) => loop,
    standard: 'auto',
    texts: [['asyncio', 'asyncio']],
    toml: '"asyncio"',
    wrong: ['trio', /must be auto, asyncio or uvloop/],
  },
  'log-config': {
    of: (_, { logConfig }) => logConfig,
    standard: null,
    texts: [
      ['log.ini', '$/log.ini'],
      ['off', null],
    ],
    toml: '"log.ini"',
    wrong: ['\0', /must name a file, or be off/],
  },
  loggers: {
    of: (_, { loggers }) => loggers,
    standard: null,
    texts: [
      ['uvicorn', { server: 'uvicorn', level: null }],
      ['uvicorn:trace', { server: 'uvicorn', level: 5 }],
      ['none', null],
    ],
    toml: '"uvicorn"',
    wrong: ['uvicorn:loud', /must be none, uvicorn, or uvicorn: and one of trace/],
  },
  preload: {
    of: (_, { preload }) => preload,
    standard: 'auto',
    texts: [
      ['off', 'off'],
      ['on', 'on'],
      ['auto', 'auto'],
    ],
    toml: 'false',
    wrong: ['yes', /must be on, off or auto/],
  },
  lifespan: {
    of: (_, { lifespan }) => lifespan,
    standard: 'auto',
    texts: [['off', 'off']],
    toml: '"off"',
    wrong: ['yes', /must be auto, on or off/],
  },
  'post-fork': {
    of: (_, { postFork }) => postFork,
    standard: null,
    texts: [['shop.hooks:after_fork', { module: 'shop.hooks', attribute: 'after_fork' }]],
    toml: '"shop.hooks:after_fork"',
    wrong: ['shop.hooks', /must be module:function/],
  },
  warmup: {
    of: (_, { warmup }) => warmup,
    standard: [],
    texts: [
      ['/health?a=1?', [{ scheme: 'http', authority: 'localhost', target: '/health?a=1?' }]],
      ['https://shop.example:8443/', [{ scheme: 'https', authority: 'shop.example:8443', target: '/' }]],
      ['http://[::1]/a', [{ scheme: 'http', authority: '[::1]', target: '/a' }]],
    ],
    toml: '["/health?a=1?"]',
    wrong: ['health', /must be a path that begins with a slash, or a URL/],
  },
  'root-path': {
    of: (_, { rootPath }) => rootPath,
    standard: '',
    texts: [
      ['/shop', '/shop'],
      ['/shop/', '/shop'],
      ['/', ''],
    ],
    toml: '"/shop"',
    wrong: ['shop', /must begin with a slash/],
  },
  env: {
    of: (_, { variables }) => variables,
    standard: {},
    texts: [
      ['A=1', { A: '1' }],
      ['A=', { A: '' }],
      ['URL=http://x/?a=b,c', { URL: 'http://x/?a=b,c' }],
    ],
    toml: '{ A = 1 }',
    wrong: ['A', /must be KEY=VALUE/],
  },
  'env-file': {
    of: (_, { envFiles }) => envFiles,
    standard: [],
    texts: [['.env', ['$/.env']]],
    toml: '[".env"]',
    wrong: ['.envy', /must name a file that exists/],
  },
}
