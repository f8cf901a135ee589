/** Letters, digits, signs and spaces of ASCII: what most texts are, and what needs no second look. */
const plain = /^[\x20-\x7e]*$/

/**
 * Controls, formats (those that turn the direction of writing among them), lone surrogates, private characters,
 * separators of lines and paragraphs, whatever a renderer may leave out (UAX #44 Default_Ignorable_Code_Point),
 * spaces that look like U+0020 and are another, and marks past the fourth on one letter, which would be drawn over the
 * lines above. Characters that are not assigned are left: which ones those are changes with the runtime, and a
 * report's bytes must not.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}/gu

/**
 * Text from outside, so that a reader sees each character of it: what has no look of its own, or changes that of
 * others, is shown as its code point.
 *
 * @example
 * visible('svc/\u202egnillib') // 'svc/\\u{202e}gnillib'
 */
export function visible(text: string): string {
  return plain.test(text) ? text : text.replaceAll(unseen, codePoint)
}

/** A character by its code point: `\u{202e}`. */
export function codePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
