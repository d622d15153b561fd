import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { topLevelNames } from './python-source.ts'

const names = (source: string) => [...topLevelNames(source)].sort()

for (const [what, source, found] of [
  ['an assignment', 'app = Flask(__name__)', ['app']],
  ['an annotated assignment', "app: 'Flask' = Flask(__name__)", ['app']],
  ['assignments in a chain and in a tuple', 'app = application = X\na, b = 1, 2', ['a', 'app', 'application', 'b']],
  ['functions and classes', 'def app(e, s):\n  pass\nasync def b(x): pass\nclass C:\n  pass', ['C', 'app', 'b']],
  ['imports', 'import os.path, a.b as c\nfrom shop import app, x as application', ['app', 'application', 'c', 'os']],
  ['an import over several lines', 'from shop import (\n  app,\n  # not_this\n  db,\n)', ['app', 'db']],
  ['a continued line', 'from shop import \\\n  app', ['app']],
  ['what stands in if, try and with', 'try:\n  from a import app\nexcept E:\n\tapp2 = 1', ['app', 'app2']],
  ['Windows lines', 'app = 1\r\ndef create_app():\r\n  x = 1\r\n', ['app', 'create_app']],
  ['names of other scripts', '앱 = 1', ['앱']],
] as const)
  test(`${what}: found`, () => assert.deepEqual(names(source), found))

for (const [what, source] of [
  ['a comparison', 'app == 1'],
  ['an attribute or an item', 'app.config = 1\napp["x"] = 1'],
  ['a call with a keyword', 'run(\napp=1\n)'],
  ['a comment', '# app = 1'],
  ['a docstring', '"""\napp = 1\ndef app(): pass\n"""'],
  ['a renamed import', 'from shop import app as _'],
  ['a module that has the name as a part', 'import shop.app as _'],
])
  test(`${what}: not found`, () => assert.ok(!topLevelNames(source!).has('app')))

test('names inside a function, a class or the main block are not defined by an import', () => {
  const source = `
def create_app():
    app = Flask(__name__)

    app.run()
    return app

class Site:
    application = None

if __name__ == '__main__':
    app = create_app()
done = True
`
  assert.deepEqual(names(source), ['Site', 'create_app', 'done'])
})

test('any text gives names, never an exception', () => {
  const unit = fc.constantFrom('app', ' ', '=', '\n', '(', ')', "'", '"', '#', 'def ', '\\', 'import ', ',', '\t', ':')
  fc.assert(fc.property(fc.string({ unit }), text => assert.ok(topLevelNames(text) instanceof Set)))
})
