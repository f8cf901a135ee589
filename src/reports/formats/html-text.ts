/** Text as HTML: as content, and within a double-quoted attribute. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** Text from outside: whichever way it is written in, nothing around it moves. Must be `visible` already. */
export function isolated(text: string): string {
  return `<bdi>${escaped(text)}</bdi>`
}

/** Parts of a name that a table leaves whole. */
const partMost = 15
const pieceLength = 8

/** The same, where a line may end after a sign that joins the parts of a name, and within a part that is very long. */
export function breakable(text: string): string {
  const pieces = text.split(joint).flatMap(piecesOf)
  return `<bdi>${pieces.map(escaped).join('<wbr>')}</bdi>`
}

/** Behind such a sign, a dot where a letter follows: an address of four numbers is one. */
const joint = /(?<=[/_@:])(?=.)|(?<=\.)(?=\p{L})/u

function piecesOf(part: string): string | readonly string[] {
  if (part.length <= partMost || part.split(/[\s-]/).every((word) => word.length <= partMost)) {
    return part
  }
  const characters = [...part]
  const pieces: string[] = []
  for (let at = 0; at < characters.length; at += pieceLength) {
    pieces.push(characters.slice(at, at + pieceLength).join(''))
  }
  return pieces
}
