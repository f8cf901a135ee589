/**
 * Where a line may end, besides at a space, which is dropped there: after the first of two characters that look so. An
 * address of four numbers stays whole.
 */
export const nameBreaks = /^[-/_:;,@]|^\.\p{L}/u

/** A text in lines of no more than a width; a word is cut only where it is too long for a line of its own. */
export function wrap(
  text: string,
  {
    width,
    widthOf,
    breaks = nameBreaks,
  }: {
    readonly width: number
    readonly widthOf: (character: string) => number
    readonly breaks?: RegExp | undefined
  },
): string[] {
  const characters = [...text]
  const lines: string[] = []
  let [start, used, breakAt, breakUsed] = [0, 0, 0, 0]
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const next = widthOf(character)
    if (used + next > width && at > start && character !== ' ') {
      const end = breakAt > start ? breakAt : at
      lines.push(characters.slice(start, end).join('').trimEnd())
      used -= breakAt > start ? breakUsed : used
      start = end
    }
    used += next
    if (character === ' ' || breaks.test(`${character}${characters[at + 1] ?? ''}`))
      [breakAt, breakUsed] = [at + 1, used]
  }
  lines.push(characters.slice(start).join('').trimEnd())
  return lines
}
