import { setImmediate as turn } from 'node:timers/promises'
import { type Face, faceNames } from './pdf-fonts.ts'
import { codePoint } from './visible.ts'

/** Red, green and blue, each from 0 to 1. */
export type Colour = readonly [number, number, number]

export interface Place {
  readonly x: number
  /** Of the base line, from the top of the page. */
  readonly y: number
  readonly face: Face
  readonly size: number
  readonly colour: Colour
}

interface Glyph {
  /** Two bytes of a PDF string, escaped (ISO 32000-1 §7.3.4.2). */
  readonly code: string
  /** In thousandths of the font size. */
  readonly width: number
}

/** What pdfkit knows of a font in use, and its types do not tell. */
interface UsedFont {
  readonly id: string
  /** fontkit's. */
  readonly font: {
    hasGlyphForCodePoint(code: number): boolean
    glyphForCodePoint(code: number): FontGlyph
  }
  readonly subset: { includeGlyph(id: number): number }
  /** By the glyph's number in the subset, in thousandths of the font size. */
  readonly widths: number[]
  /** Likewise, what the glyph stands for. */
  readonly unicode: (readonly number[])[]
  readonly scale: number
  ref(): PDFKit.PDFKitReference
  finalize(): void
}

interface FontGlyph {
  readonly id: number
  readonly advanceWidth: number
  readonly codePoints: readonly number[]
}

interface KnownFont {
  readonly used: UsedFont
  readonly glyphs: Map<string, Glyph>
  readonly lacking: Map<string, boolean>
}

const rightToLeft = ['Hebrew', 'Arabic', 'Syriac', 'Thaana', 'Nko', 'Samaritan', 'Mandaic', 'Adlam']
  .map((script) => `\\p{Script=${script}}`)
  .join('')

/**
 * A text in runs, in the order that they are drawn in, from the left. One that is written from the right, or has marks
 * on its letters, is left to the shaper as a whole and cannot reach beyond itself; all else is drawn glyph by glyph.
 */
const runs = new RegExp(
  `(?<shaped>[${rightToLeft}](?:[${rightToLeft}\\p{M} ]*[${rightToLeft}\\p{M}])?|\\P{M}\\p{M}+)|.`,
  'gsu',
)
const simple = /^[\x20-\x7e]*$/

/**
 * Draws text into a pdfkit document. Its own `text` shapes each text anew, which takes ten times as long and reads the
 * whole of a font's shaping tables first; most of a report needs no shaping.
 */
export class Ink {
  readonly #doc: PDFKit.PDFDocument
  readonly #fonts: Readonly<Record<Face, KnownFont>>
  #ops: string[] = []
  #state = { colour: '', font: '' }

  private constructor(doc: PDFKit.PDFDocument, fonts: Readonly<Record<Face, KnownFont>>) {
    this.#doc = doc
    this.#fonts = fonts
  }

  static async open(doc: PDFKit.PDFDocument): Promise<Ink> {
    const fonts: Partial<Record<Face, KnownFont>> = {}
    // The order in which fonts are first used names them in the document.
    for (const face of faceNames) {
      fonts[face] = knownFont(doc, face)
      await turn()
    }
    return new Ink(doc, fonts as Record<Face, KnownFont>)
  }

  /** Puts the fonts into the document, as far as they were used; the last that is done to it before its end. */
  async end(): Promise<void> {
    this.flush()
    for (const face of faceNames) {
      this.#fonts[face].used.finalize()
      await turn()
    }
  }

  /** The text with what its font lacks as code points. */
  drawable(text: string, face: Face): string {
    if (simple.test(text)) return text
    return text.replaceAll(/./gsu, (one) => (this.#lacks(one, face) ? codePoint(one) : one))
  }

  /** How wide a text is, letter by letter. */
  measure(text: string, face: Face, size: number): number {
    let width = 0
    for (const character of text) width += this.#glyph(character, face).width
    return (width * size) / 1000
  }

  say(text: string, place: Place): void {
    if (simple.test(text)) this.#draw(text, place)
    else this.#sayRuns(text, place)
  }

  /** Puts on the page what was said since the last time. */
  flush(): void {
    if (this.#ops.length === 0) return
    const { page } = this.#doc
    // pdfkit counts from the top of a page, text from the bottom.
    this.#doc.addContent(`q 1 0 0 -1 0 ${page.height} cm\nBT\n${this.#ops.join('\n')}\nET Q`)
    this.#ops = []
    this.#state = { colour: '', font: '' }
  }

  /** Text as operators of a content stream, from its origin on, and the font that they need. */
  operators(text: string, { face, size, colour }: Omit<Place, 'x' | 'y'>) {
    const { used } = this.#fonts[face]
    const codes = Array.from(text, (character) => this.#glyph(character, face).code).join('')
    const content = `${colour.map(n).join(' ')} rg BT /${used.id} ${n(size)} Tf (${codes}) Tj ET`
    return { content, font: { [used.id]: used.ref() } }
  }

  #sayRuns(text: string, place: Place): void {
    let x = place.x
    let plain = ''
    const drawPlain = () => {
      this.#draw(plain, { ...place, x })
      x += this.measure(plain, place.face, place.size)
      plain = ''
    }
    for (const { 0: run, groups } of text.matchAll(runs)) {
      if (groups?.shaped === undefined) plain += run
      else {
        drawPlain()
        x += this.#shape(run, { ...place, x })
      }
    }
    drawPlain()
  }

  #draw(text: string, { x, y, face, size, colour }: Place): void {
    if (text === '') return
    const { used } = this.#fonts[face]
    const { page } = this.#doc
    page.fonts[used.id] ??= used.ref()
    const codes = Array.from(text, (character) => this.#glyph(character, face).code).join('')
    const at = `${n(x)} ${n(page.height - y)}`
    this.#set('colour', `${colour.map(n).join(' ')} rg`)
    this.#set('font', `/${used.id} ${n(size)} Tf`)
    this.#ops.push(`1 0 0 1 ${at} Tm (${codes}) Tj`)
  }

  /** An operator that holds until another one, written where it changes something. */
  #set(kind: 'colour' | 'font', operator: string): void {
    if (this.#state[kind] === operator) return
    this.#state[kind] = operator
    this.#ops.push(operator)
  }

  #shape(run: string, { x, y, face, size, colour }: Place): number {
    this.flush()
    // With a list of features, pdfkit shapes a run as one; without, word by word and these from the left.
    const features: [] = []
    const options = { lineBreak: false, baseline: 'alphabetic', features } as const
    const rgb = colour.map((part) => Math.round(part * 255)) as [number, number, number]
    this.#doc.font(face).fontSize(size).fillColor(rgb).text(run, x, y, options)
    return this.#doc.widthOfString(run, { features })
  }

  #glyph(character: string, face: Face): Glyph {
    const { glyphs, used } = this.#fonts[face]
    const known = glyphs.get(character)
    if (known !== undefined) return known
    const { id, advanceWidth, codePoints } = used.font.glyphForCodePoint(
      character.codePointAt(0) ?? 0,
    )
    const number = used.subset.includeGlyph(id)
    const width = advanceWidth * used.scale
    used.widths[number] ??= width
    used.unicode[number] ??= codePoints
    const glyph = { code: stringBytes(number), width }
    glyphs.set(character, glyph)
    return glyph
  }

  #lacks(character: string, face: Face): boolean {
    const { lacking, used } = this.#fonts[face]
    const known = lacking.get(character)
    if (known !== undefined) return known
    const lacks = !used.font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0)
    lacking.set(character, lacks)
    return lacks
  }
}

function knownFont(doc: PDFKit.PDFDocument, face: Face): KnownFont {
  const { _font: used } = doc.font(face) as unknown as { readonly _font: UsedFont }
  return { used, glyphs: new Map(), lacking: new Map() }
}

/** A glyph's number as two bytes within a literal string. */
function stringBytes(number: number): string {
  return String.fromCharCode(number >> 8, number & 0xff).replaceAll(/[()\\\r\n]/g, (byte) => {
    if (byte === '\r') return '\\r'
    return byte === '\n' ? '\\n' : `\\${byte}`
  })
}

/** Hundredths of a point. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}
