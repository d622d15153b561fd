/** The Python environments of the examples that `npm start` serves. `npm test` makes them before the tests that wait for such a start. */
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ensureVenv, type Interpreter } from './python.ts'
import { ROOT } from './tools.ts'

export type Example = 'shop' | 'chat' | 'notes' | 'cgi'

export const SHOP: string = join(ROOT, 'examples/django-shop')
/** It needs no packages. */
export const CGI: string = join(ROOT, 'examples/cgi')
export const SHOP_CACHE: string = join(ROOT, '.cache/example-django')
export const CHAT: string = join(ROOT, 'examples/fastapi-chat')
/** The notes have the packages of the chat. */
const CHAT_CACHE = join(ROOT, '.cache/example-chat')

/** Returns its interpreter. `onStep`: called before each step that takes time. */
export function exampleEnvironment(
  example: Example,
  interpreter: Interpreter,
  onStep: (step: string) => void = () => {},
): Promise<string> {
  if (example === 'cgi') return Promise.resolve(interpreter.executable)
  const isShop = example === 'shop'
  return ensureVenv({
    interpreter,
    directory: join(isShop ? SHOP_CACHE : CHAT_CACHE, interpreter.version),
    requirements: join(isShop ? SHOP : CHAT, 'requirements.txt'),
    what: isShop ? 'Django' : 'FastAPI',
    onStep,
  })
}

/** The directory on the way to `path` that only its owner and group may enter; null: there is none. */
export function closedToOthers(path: string): string | null {
  for (let step = path; ; step = dirname(step)) {
    if ((statSync(step).mode & 0o001) === 0) return step
    if (step === dirname(step)) return null
  }
}
