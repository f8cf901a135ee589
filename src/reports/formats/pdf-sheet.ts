import PDFDocument from 'pdfkit'
import { breather } from '../../breather.ts'
import type { ReportHead } from '../report.ts'
import type { Emit } from './format.ts'
import { type Face, readFonts } from './pdf-fonts.ts'
import { type Colour, Ink } from './pdf-ink.ts'
import { wrap } from './pdf-wrap.ts'
import { clipped } from './text-width.ts'
import { isoTime } from './time.ts'
import { visible } from './visible.ts'

/** Points; A4 lies across. */
export const sheet = {
  width: 841.89,
  height: 595.28,
  left: 40,
  right: 801.89,
  top: 60,
  bottom: 552,
}

export const ink: Readonly<
  Record<'text' | 'soft' | 'rule' | 'accent' | 'bad' | 'badFill' | 'warn' | 'good', Colour>
> = {
  text: [0.11, 0.11, 0.1],
  soft: [0.36, 0.35, 0.33],
  rule: [0.83, 0.81, 0.77],
  accent: [0.12, 0.31, 0.39],
  bad: [0.56, 0.11, 0.08],
  badFill: [0.985, 0.94, 0.93],
  warn: [0.48, 0.29, 0],
  good: [0.17, 0.37, 0.22],
}

export interface TextStyle {
  readonly face?: Face
  readonly size?: number
  readonly colour?: Colour
}

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * The pages of a PDF as they are written, one at a time: those that are full have left. Its bytes depend on nothing but
 * what is put in: the date is the report's, and streams are stored as they are, since deflate differs from one build
 * of zlib to the next.
 */
export class Sheets {
  readonly #doc: PDFKit.PDFDocument
  readonly #ink: Ink
  readonly #emit: Emit
  readonly #head: ReportHead
  readonly #total: PDFKit.PDFKitReference & { data?: object }
  readonly #breathe = breather()
  #pages = 0
  /** Where the next thing goes. */
  y = sheet.top

  static async open(head: ReportHead, emit: Emit): Promise<Sheets> {
    const fonts = await readFonts()
    const date = new Date(head.asOf.time)
    const doc = new PDFDocument({
      size: [sheet.height, sheet.width],
      layout: 'landscape',
      margin: 0,
      autoFirstPage: false,
      compress: false,
      pdfVersion: '1.7',
      lang: 'en',
      displayTitle: true,
      font: fonts.sans as unknown as string,
      info: {
        Title: visible(head.title),
        Subject: visible(head.question),
        Author: visible(head.origin),
        Creator: 'Muniment',
        Producer: 'Muniment',
        CreationDate: date,
        ModDate: date,
      },
    })
    for (const [face, file] of Object.entries(fonts)) doc.registerFont(face, file)
    return new Sheets(doc, await Ink.open(doc), { head, emit })
  }

  private constructor(
    doc: PDFKit.PDFDocument,
    ink: Ink,
    { head, emit }: { readonly head: ReportHead; readonly emit: Emit },
  ) {
    this.#doc = doc
    this.#head = head
    this.#emit = emit
    this.#ink = ink
    // How many pages there are is known when the last one is written; each draws this form, which comes after it.
    this.#total = doc.ref({ Type: 'XObject', Subtype: 'Form', BBox: [0, -3, 60, 10] })
  }

  /** Whether nothing is on the page but its margins. */
  get isFresh(): boolean {
    return this.y === sheet.top
  }

  /** Turns to a new page; the one before is on its way when this resolves. */
  async turn(): Promise<void> {
    this.#ink.flush()
    this.#doc.addPage()
    this.#pages += 1
    this.#margins()
    this.y = this.#pages === 1 ? 44 : sheet.top
    await this.#drain()
  }

  /** A new page if what comes is higher than what is left of this one. Says whether it turned. */
  async room(height: number): Promise<boolean> {
    await this.#breathe()
    if (this.#pages > 0 && this.y + height <= sheet.bottom) return false
    await this.turn()
    return true
  }

  measure(text: string, { face = 'sans', size = 8 }: TextStyle = {}): number {
    return this.#ink.measure(this.#ink.drawable(text, face), face, size)
  }

  /** The lines that a text takes; what the font lacks is shown as code points. */
  lines(
    text: string,
    width: number,
    { face = 'sans', size = 8, breaks }: TextStyle & { readonly breaks?: RegExp } = {},
  ): string[] {
    const drawable = this.#ink.drawable(text, face)
    const widthOf = (character: string) => this.#ink.measure(character, face, size)
    return wrap(drawable, { width, widthOf, breaks })
  }

  /** One line. `y` is that of its base line. */
  say(
    text: string,
    at: { readonly x: number; readonly y: number },
    { face = 'sans', size = 8, colour = ink.text }: TextStyle = {},
  ): void {
    this.#ink.say(this.#ink.drawable(text, face), { ...at, face, size, colour })
  }

  fill({ x, y, width, height }: Box, colour: Colour): void {
    const box = [x, y, width, height].map(points).join(' ')
    this.#doc.addContent(`q ${colour.join(' ')} rg ${box} re f Q`)
  }

  stroke(
    line: readonly (readonly [number, number])[],
    { colour = ink.rule, width = 0.5, dash }: StrokeStyle = {},
  ): void {
    const steps = line.map(([x, y], i) => `${points(x)} ${points(y)} ${i === 0 ? 'm' : 'l'}`)
    const dashes = dash === undefined ? '' : `[${dash}] 0 d `
    this.#doc.addContent(`q ${colour.join(' ')} RG ${width} w 1 j ${dashes}${steps.join(' ')} S Q`)
  }

  /** What was said so far lies under what is drawn from here on. */
  settle(): void {
    this.#ink.flush()
  }

  /** An entry of the reader's table of contents, for this page. */
  mark(title: string): void {
    this.#doc.outline.addItem(title)
  }

  async end(): Promise<void> {
    const { content, font } = this.#ink.operators(String(this.#pages), { ...small, size: 7 })
    Object.assign(this.#total.data ?? {}, { Resources: { Font: font } })
    this.#total.end(Buffer.from(content, 'latin1'))
    await this.#ink.end()
    this.#doc.end()
    await this.#drain()
  }

  /** What stands at the edges of each page. */
  #margins(): void {
    const { title, asOf, origin } = this.#head
    const { left, right } = sheet
    const most = (right - left) / 2 - 10
    const style = { ...small, size: 7 }
    const measure = (text: string) => this.measure(text, style)
    const fitting = (text: string) => clipped(text, most, measure)
    if (this.#pages > 1) {
      const log = fitting(visible(origin))
      this.say(fitting(visible(title)), { x: left, y: 36 }, style)
      this.say(log, { x: right - measure(log), y: 36 }, style)
      this.stroke([
        [left, 43],
        [right, 43],
      ])
    }
    const [page, y] = [`Page ${this.#pages} of `, sheet.height - 26]
    const asOfWords = `As of position ${asOf.position}, ${isoTime(asOf.time)}`
    this.say(page, { x: left, y }, style)
    this.say(asOfWords, { x: right - measure(asOfWords), y }, style)
    this.#ink.flush()
    this.#doc.page.xobjects.Total = this.#total
    this.#doc.addContent(`q 1 0 0 -1 ${points(left + measure(page))} ${points(y)} cm /Total Do Q`)
  }

  async #drain(): Promise<void> {
    for (;;) {
      const piece: Uint8Array | null = this.#doc.read() as Uint8Array | null
      if (piece === null) return
      await this.#emit(piece)
    }
  }
}

const small = { face: 'sans', colour: ink.soft } as const

interface StrokeStyle {
  readonly colour?: Colour
  readonly width?: number
  readonly dash?: number
}

/** Hundredths of a point. */
function points(value: number): number {
  return Math.round(value * 100) / 100
}
