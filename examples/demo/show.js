// How the demo prints: numbered steps, and commands with what they said, as a terminal would show them.
import { styleText } from 'node:util'

const { stdout } = process
const widthMax = 100
const width = Math.min(stdout.columns ?? (Number(process.env.COLUMNS) || widthMax), widthMax)
const colours = stdout.isTTY === true && !process.env.NO_COLOR

/** The text in a style on a terminal that shows colours, and plain anywhere else. */
function styled(style, text) {
  return colours ? styleText(style, text) : text
}

let steps = 0

/** A step of the story: its title, then why it matters. */
export function step(title, why) {
  steps++
  print('')
  print(styled('bold', `${steps}. ${title}`))
  for (const line of wrap(why)) print(styled('dim', line))
}

/**
 * A command, and what came of it.
 *
 * @param line as it is typed
 * @param ran `{ stdout, stderr, code }`
 */
export function transcript(line, ran) {
  print('')
  print(styled('bold', `$ ${line}`))
  if (ran.stdout !== '') print(ran.stdout.trimEnd())
  if (ran.stderr !== '') print(styled(ran.code === 0 ? 'dim' : 'red', ran.stderr.trimEnd()))
  if (ran.code !== 0) print(styled('dim', `[exit ${ran.code}]`))
}

/** The text in lines of the terminal's width. */
function wrap(text) {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

export function print(text) {
  console.log(text)
}
