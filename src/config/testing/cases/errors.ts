import type { Case } from './case.ts'

export const errors: Readonly<Record<string, Case>> = {
  'error-page': {
    of: ({ errorPages }) => errorPages,
    standard: [],
    texts: [['502=page.html', [{ status: 502, format: 'html', content: '<p>down' }]]],
    toml: '{ 502 = "page.html" }',
    wrong: ['200=page.html', /must have one of these before the equals sign: 400, .* or 507/],
  },
}
