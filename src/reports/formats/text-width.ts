/** The width of a text, in the unit of whoever measures. */
export type Measure = (text: string) => number

/** Characters about as wide as they are high: East Asian ones (UAX #11, roughly) and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** An upper bound for running text in the fonts that screens have, since a page cannot know which one it is shown in. */
export function roughMeasure(fontSize: number): Measure {
  return (text) => {
    let width = 0
    for (const character of text) width += wide.test(character) ? 1.05 : 0.6
    return width * fontSize
  }
}

/** The text, or as much of it as fits with an ellipsis. */
export function clipped(text: string, width: number, measure: Measure): string {
  if (measure(text) <= width) return text
  const characters = [...text]
  let [fits, over] = [0, characters.length]
  while (over - fits > 1) {
    const middle = Math.floor((fits + over) / 2)
    if (measure(`${characters.slice(0, middle).join('')}…`) <= width) fits = middle
    else over = middle
  }
  return `${characters.slice(0, fits).join('')}…`
}
