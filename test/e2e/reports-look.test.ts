import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { FormatName } from '../../src/reports/formats/format.ts'
import { formatOf } from '../../src/reports/formats/formats.ts'
import { visible } from '../../src/reports/formats/visible.ts'
import { launchBrowser, missing, needsPages } from '../fixtures/browser.ts'
import {
  emptySample,
  hexOf,
  hostileNames,
  hostileSample,
  listingSample,
  manySample,
  oneRowSample,
  type ReportSample,
  sampleRoot,
  thirtySample,
  written,
} from '../fixtures/report-sample.ts'

// A browser starts late on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const run = promisify(execFile)
const [phone, desk] = [
  { width: 390, height: 844 },
  { width: 1280, height: 900 },
]

let folder: string
let browser: Browser

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-look-'))
  if (missing.length === 0) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true })
})

async function file(name: FormatName, sample: ReportSample): Promise<string> {
  const path = join(folder, `report.${name}`)
  await writeFile(path, await written(await formatOf(name), sample))
  return path
}

interface Seen {
  readonly page: Page
  /** What the page did besides being shown. */
  readonly deeds: string[]
}

async function show(
  sample: ReportSample,
  { viewport = desk, colorScheme = 'light' as 'light' | 'dark' } = {},
): Promise<Seen> {
  const url = pathToFileURL(await file('html', sample)).href
  const page = await browser.newPage({ viewport, colorScheme })
  const deeds: string[] = []
  page.on('request', (request) => request.url() !== url && deeds.push(`asked ${request.url()}`))
  page.on('console', (message) => deeds.push(`said ${message.text()}`))
  page.on('dialog', (dialog) => deeds.push(`opened ${dialog.type()}`))
  await page.goto(url)
  return { page, deeds }
}

const overflow = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - innerWidth') as Promise<number>

describe.skipIf(missing.length > 0)(`a page${needsPages}`, () => {
  it.each([
    ['no row', emptySample],
    ['one row', oneRowSample],
    ['thirty rows', thirtySample],
    ['a wide table', () => listingSample(40)],
    ['hostile names', hostileSample],
  ])('of %s does not scroll sideways, on a phone or a desk', async (_, sample) => {
    for (const viewport of [phone, { width: 320, height: 600 }, desk]) {
      const { page } = await show(sample(), { viewport })
      expect(await overflow(page)).toBeLessThanOrEqual(0)
      await page.close()
    }
  })

  it('has its widest table whole on a desk', async () => {
    const { page } = await show(listingSample(40))
    const hidden = 'const t = document.querySelector(".wide"); t.scrollWidth - t.clientWidth'
    expect(await page.evaluate(hidden)).toBe(0)
    await page.close()
  })

  it('has every cell of a row in sight on a phone', async () => {
    const { page } = await show(thirtySample(), { viewport: phone })
    const boxes = await page.locator('#row-3 td:not(.z)').all()
    expect(boxes.length).toBe(13)
    for (const box of boxes) {
      const place = await box.boundingBox()
      expect(place?.x).toBeGreaterThanOrEqual(0)
      expect((place?.x ?? 0) + (place?.width ?? 0)).toBeLessThanOrEqual(phone.width)
      expect(place?.height).toBeGreaterThan(8)
    }
    await page.close()
  })

  it('runs no script, asks for nothing, and breaks no rule of its policy', async () => {
    for (const sample of [thirtySample(), hostileSample()]) {
      const { page, deeds } = await show(sample)
      await page.mouse.move(200, 600)
      expect(deeds).toEqual([])
      expect(await page.title()).toBe(visible(sample.head.title))
      await page.close()
    }
  })

  it('would run none that got into it', async () => {
    const path = await file('html', thirtySample())
    const text = await readFile(path, 'utf8')
    const bad = '<script>document.title="owned"</script><p style="color:red" id="bad">x</p>'
    await writeFile(path, text.replace('</main>', `${bad}</main>`))
    const page = await browser.newPage()
    await page.goto(pathToFileURL(path).href)
    expect(await page.title()).toBe('Rotation and expiry')
    expect(await page.locator('#bad').getAttribute('style')).toBe('color:red')
    const colours = 'getComputedStyle(document.querySelector("#bad")).color'
    expect(await page.evaluate(colours)).toBe('rgb(29, 28, 26)')
    await page.close()
  })

  it('shows hostile names as what they are, each character of them', async () => {
    const { page } = await show(hostileSample())
    expect(
      await page.locator('script, img, iframe, object, link, body b:not(li b, p b)').count(),
    ).toBe(0)
    for (const [i, name] of hostileNames.entries()) {
      const cell = page.locator(`#row-${i + 1} td.text`).first()
      expect(await cell.textContent()).toBe(visible(name))
    }
    expect(await page.locator('h1').textContent()).toBe(
      '<b>Rotation</b> svc/\\u{202e}gnillib-eht\\u{202c}/x',
    )
    await page.close()
  })

  it('keeps the order of its columns whichever way a name is written', async () => {
    const { page } = await show(hostileSample())
    const hebrew = hostileNames.findIndex((name) => name.startsWith('\u05e9')) + 1
    const cells = await page.locator(`#row-${hebrew} td`).all()
    const lefts = await Promise.all(cells.map(async (cell) => (await cell.boundingBox())?.x ?? 0))
    expect(lefts).toEqual([...lefts].sort((a, b) => a - b))
    await page.close()
  })

  it('has names for its pictures and its table for who does not see them', async () => {
    const sample = thirtySample()
    for (const viewport of [desk, phone]) {
      const { page } = await show(sample, { viewport })
      for (const { title } of sample.totals.charts) {
        expect(await page.getByRole('img', { name: title }).count()).toBeGreaterThan(0)
      }
      const told = page.getByRole('img', { name: 'under 30 days 14, 30 to 90 days 9' })
      expect(await told.count()).toBe(1)
      expect(await page.getByRole('row').count()).toBe(31)
      expect(await page.getByRole('columnheader').count()).toBe(14)
      await page.close()
    }
  })

  it('leads from a finding to its row, and marks that row in words', async () => {
    const { page } = await show(thirtySample())
    await page.getByRole('link', { name: '13', exact: true }).click()
    expect(await page.evaluate('location.hash')).toBe('#row-13')
    expect(await page.locator('#row-13').textContent()).toContain('overdue by 5 days')
    await page.close()
  })

  it('is light or dark as its reader is, and can be read in both', async () => {
    const grounds = []
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await show(thirtySample(), { colorScheme })
      const contrasts = (await page.evaluate(contrastScript)) as [string, number][]
      expect(contrasts.length).toBeGreaterThan(30)
      for (const [text, ratio] of contrasts) expect(ratio, text).toBeGreaterThanOrEqual(4.5)
      grounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'))
      await page.close()
    }
    expect(grounds).toEqual(['rgb(255, 255, 255)', 'rgb(23, 23, 21)'])
  })

  it('prints the heads of its table on each page, and no row on two', async () => {
    const { page } = await show(thirtySample())
    const path = join(folder, 'printed.pdf')
    await page.pdf({ path, preferCSSPageSize: true })
    await page.close()
    const { stdout: size } = await run('pdfinfo', [path])
    expect(size).toMatch(/Page size:\s+84[12].* x 59[45]/)
    const { stdout } = await run('pdftotext', ['-layout', path, '-'])
    const pages = stdout.split('\f').slice(0, -1)
    const withRows = pages.filter((text) =>
      /\d{4}-\d\d-\d\dT.*\b(ok|due|overdue|exempt)\b/.test(text),
    )
    expect(withRows.length).toBeGreaterThan(1)
    for (const text of withRows) expect(text).toMatch(/Path\s.*Finding\s.*Leaf hash/)
    for (let row = 1; row <= 30; row++) {
      expect(pages.filter((text) => text.includes(hexOf(row - 1, 12))).length, `${row}`).toBe(1)
    }
  })
})

/** Of each text of the page with the colour behind it: the ratio of WCAG 2.2, §1.4.3. */
const contrastScript = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = parse(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor
      if (parse(colour)[3] !== 0) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const texts = [...document.querySelectorAll('p, h1, h2, dt, dd, th, td, td bdi, a, b, li, figcaption, pre, svg text')]
  return texts.map((element) => {
    const style = getComputedStyle(element)
    const colour = element.tagName === 'text' ? style.fill : style.color
    const [a, b] = [light(colour), light(behind(element))].sort((x, y) => y - x)
    return [element.tagName + ' ' + element.textContent.slice(0, 30), (a + 0.05) / (b + 0.05)]
  })
})()`

describe.skipIf(missing.length > 0)(`a PDF${needsPages}`, () => {
  async function textOf(sample: ReportSample): Promise<string[]> {
    const { stdout } = await run('pdftotext', ['-layout', await file('pdf', sample), '-'])
    return stdout.split('\f').slice(0, -1)
  }

  it('has its title, each of its rows on one page, and its proof on the last', async () => {
    const pages = await textOf(thirtySample())
    expect(pages[0]).toContain('Rotation and expiry')
    expect(pages[0]).toContain('Is every credential rotated in time')
    expect(pages[0]).toContain('position 41007, 2026-04-01T00:00:00.123Z')
    expect(pages[0]).toContain('5 of 30 rows have a finding.')
    for (let row = 1; row <= 30; row++) {
      const hash = hexOf(row - 1, 16)
      expect(pages.filter((text) => text.includes(hash)).length, `row ${row}`).toBe(1)
    }
    const last = pages.at(-1)
    expect(last).toContain('muniment report verify FILE')
    expect(last).toContain(sampleRoot)
    expect(last).toContain('41,008 events')
  })

  it('numbers its pages, and has the heads of its table on each of them', async () => {
    const pages = await textOf(listingSample(200))
    const { stdout } = await run('pdfinfo', [join(folder, 'report.pdf')])
    expect(stdout).toMatch(new RegExp(`Pages:\\s+${pages.length}\\n`))
    expect(stdout).toMatch(/Page size:\s+841.89 x 595.28/)
    for (const [i, text] of pages.entries()) {
      expect(text).toContain(`Page ${i + 1} of ${pages.length}`)
      if (/\d{4}-\d\d-\d\dT.*secret\./.test(text)) expect(text).toMatch(/Actor\s.*Leaf hash/)
    }
  })

  it('has its fonts in it, as far as it uses them', async () => {
    const { stdout } = await run('pdffonts', [await file('pdf', hostileSample())])
    const fonts = stdout.trim().split('\n').slice(2)
    expect(fonts.length).toBe(3)
    for (const font of fonts) expect(font).toMatch(/^[A-Z]{6}\+DejaVu\S+\s.*\byes yes yes\b/)
  })

  it('shows what its fonts lack and what would turn the line as code points', async () => {
    const text = (await textOf(hostileSample())).join('\n').replaceAll(/\s+/g, ' ')
    for (const shown of ['\\u{202e}gnillib', '\\u{ff1d}1+1', '\\u{5bc6}', '\\u{1f511}', '\\u{0}']) {
      expect(text).toContain(shown)
    }
    expect(text).toContain('\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd')
    expect(text).toContain('<script>document.title="owned"</script>')
  })

  it('of more rows than it shows has those with findings, and cites the CSV', async () => {
    const text = (await textOf(manySample())).join('\n')
    expect(text).toContain('With 6,000 rows, more than 5,000, not every one is shown.')
    expect(text).toMatch(new RegExp(`rotation\\.csv\\s+${hexOf(99)}`))
    expect(text).not.toContain(hexOf(0, 16))
    expect(text).toContain(hexOf(2, 16))
  })

  it('of no row says so', async () => {
    const text = (await textOf(emptySample())).join('\n')
    expect(text).toContain('There are no rows.')
    expect(text).toContain('Nothing to draw.')
    expect(text).toContain('muniment report verify FILE')
  })
})
