/** Every command of every how-to, in order, as a reader would run it. A file of its own: two files run at a time, and these take the longest. */
import { whyNoPython } from '../support/environments/environments.ts'
import { testPages } from '../support/reader.ts'

testPages(page => page.startsWith('how-to/'), await whyNoPython())
