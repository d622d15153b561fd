/** Asks for a password without showing it, or takes the first line of what is not a terminal. Runs in the command line. */
import type { ReadStream } from 'node:tty'

/** Bytes. More of one line is no password. */
const MAX_LINE = 4096
const [INTERRUPT, END, BACKSPACE, DELETE, KILL_LINE] = ['\x03', '\x04', '\b', '\x7f', '\x15']

/** Null: it was cancelled with Ctrl-C. */
export async function askHidden(
  prompt: string,
  input: ReadStream,
  output: NodeJS.WritableStream,
): Promise<string | null> {
  // In this order: who types at the prompt at once is not shown either.
  input.setRawMode(true)
  output.write(prompt)
  input.setEncoding('utf8')
  let text = ''
  try {
    for await (const chunk of input.iterator({ destroyOnReturn: false }) as AsyncIterable<string>)
      for (const character of chunk) {
        if (character === INTERRUPT) return null
        if (character === '\r' || character === '\n' || character === END) return text
        if (character === BACKSPACE || character === DELETE) text = [...text].slice(0, -1).join('')
        else if (character === KILL_LINE) text = ''
        else if (text.length < MAX_LINE) text += character
      }
    return text
  } finally {
    input.setRawMode(false)
    input.pause()
    output.write('\n')
  }
}

/** The first line, without its end. */
export async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  input.setEncoding('utf8')
  for await (const chunk of input) {
    text += String(chunk)
    if (text.includes('\n') || text.length > MAX_LINE) break
  }
  return text.replace(/\r?\n.*$/s, '')
}
