/** Settings of the addresses. */
import { z } from 'zod'
import { parseBind } from '../bind.ts'
import { defineSetting } from './setting.ts'

export const bind = defineSetting({
  name: 'bind',
  short: 'b',
  section: 'Listening',
  placeholder: 'ADDRESS',
  schema: z.string().transform((text, context) => {
    const parsed = parseBind(text)
    if ('problem' in parsed) {
      context.addIssue({ code: 'custom', message: parsed.problem })
      return z.NEVER
    }
    return parsed.address
  }),
  defaultText: '127.0.0.1:8000',
  doc: 'HOST:PORT, :PORT (all IPv4 addresses), PORT (this machine only), [::1]:PORT or unix:PATH; repeatable; port 0 takes a free one.',
  repeatable: true,
  change: 'restart',
})
