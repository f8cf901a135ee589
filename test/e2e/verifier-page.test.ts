import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { verifierPage } from '../../src/reports/evidence/verifier-page.ts'
import { testVault } from '../../src/testing.ts'
import { launchBrowser, missing, needsPages } from '../fixtures/browser.ts'
import { altered, type Files, filesAt } from '../fixtures/evidence.ts'

/** Where pictures of the pages go, for whoever wants to see them; nowhere unless said. */
const pictures = process.env.MUNIMENT_TEST_PICTURES

let folder: string
let browser: Browser
let context: BrowserContext
let page: Page
let requests: string[]
let errors: string[]
let genuine: Files
let verifier: string
const zip = () => join(folder, 'q1.zip')
const unpacked = () => join(folder, 'q1')
const verifierUrl = () => pathToFileURL(join(unpacked(), 'verifier.html')).href

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-page-'))
  const { vault, clock } = await testVault({ 'prod/api': 'two' })
  await vault.write('prod/db', 'one', { type: 'database_password', rotateEvery: 1000 })
  const { size } = await vault.proofs.checkpoint()
  clock.advance(90 * 24 * 3600 * 1000)
  await vault.read('prod/db', { actor: 'svc/<img src=x onerror=alert(1)>' })
  await vault.reports.evidence({ to: zip(), from: { position: size } })
  verifier = vault.identity().verifier
  genuine = await filesAt(zip())
  await unpack(unpacked(), genuine)
  if (missing.length === 0) browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true })
})

beforeEach(async () => {
  if (missing.length > 0) return
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  page = await context.newPage()
  requests = []
  errors = []
  context.on('request', (request) => requests.push(request.url()))
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('dialog', (dialog) => errors.push(`a dialog: ${dialog.message()}`))
  await page.goto(verifierUrl())
})

afterEach(async () => {
  await context?.close()
})

async function unpack(place: string, files: Files): Promise<void> {
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(place, name)), { recursive: true })
    await writeFile(join(place, name), bytes)
  }
}

/** Drops a file or a folder of the disk, as a person does. */
async function drop(path: string): Promise<void> {
  const session = await context.newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 300, y: 240, data })
  }
}

const titleOf = () => page.locator('#verdict h2').textContent()

/** Gives files to the page, and waits until it says what it has found. */
async function give(input: '#files' | '#folder', paths: string | string[]) {
  await page.setInputFiles(input, paths)
  await page.waitForSelector(
    '#verdict.holds, #verdict.unpinned, #verdict.unsigned, #verdict.unchecked, #verdict.refused',
  )
}

async function pin(text: string): Promise<void> {
  await page.fill('#pinned', text)
  await page.locator('#pinned').blur()
}

const problems = () => page.locator('#verdict li').allTextContents()

async function picture(name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, name), fullPage: true })
}

/** By how much the page is too wide: nobody scrolls sideways on a phone. */
const overflow = () =>
  page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )

const focused = () => page.evaluate<string>('document.activeElement?.id')

describe.skipIf(missing.length > 0)(`the verifier page in a browser${needsPages}`, () => {
  it('accepts the genuine zip, and asks for the key until it is pinned', async () => {
    await give('#files', zip())
    expect(await titleOf()).toBe('It holds, if the key is the vault’s')
    await pin(verifier)
    await page.waitForSelector('#verdict.holds')
    expect(await titleOf()).toBe('It holds')
    expect(await problems()).toEqual([])
    expect(await page.locator('#checked tbody tr').count()).toBe(genuine.size)
    const digits = (await page.locator('.fingerprint span').allTextContents()).join('')
    expect(digits).toMatch(/^[0-9a-f]{64}$/)
    expect(verifier.split('+')[1]).toBe(digits.slice(0, 8))
    await picture('verifier-holds-1280.png')
    await pin('muniment/nothing')
    await page.waitForSelector('#verdict.refused')
    expect(await titleOf()).toBe('Not checked')
    expect(errors).toEqual([])
  })

  it('takes the folder as well, and what is dropped', async () => {
    await give('#folder', unpacked())
    expect(await titleOf()).toBe('It holds, if the key is the vault’s')
    for (const dropped of [unpacked(), zip()]) {
      await page.goto(verifierUrl())
      await drop(dropped)
      await page.waitForSelector('#verdict.unpinned')
      expect(await problems()).toEqual([])
    }
  })

  it('refuses one altered byte in each file', async () => {
    const place = join(folder, 'altered')
    await unpack(place, genuine)
    for (const [name, bytes] of genuine) {
      await writeFile(join(place, name), altered(bytes))
      await give('#folder', place)
      expect([name, await titleOf()]).toEqual([name, 'Refused'])
      const said = (await problems()).join('\n')
      expect([name, said]).toEqual([
        name,
        expect.stringContaining(name === 'SHA256SUMS' ? 'evidence.statement' : name),
      ])
      await writeFile(join(place, name), bytes)
    }
    await give('#folder', place)
    expect(await titleOf()).toBe('It holds, if the key is the vault’s')
  }, 120_000)

  it('names what is missing, and shows a name that means harm as it is', async () => {
    const place = join(folder, 'changed')
    await unpack(place, genuine)
    await rm(join(place, 'reports/R2-rotation.pdf'))
    const harm = '<img src=x onerror=alert(1)>\u202e.csv'
    await writeFile(join(place, 'reports', harm), 'x')
    await give('#folder', place)
    const said = await problems()
    expect(said).toContain('reports/R2-rotation.pdf: it is in SHA256SUMS, and missing here')
    expect(said).toContain(
      'reports/<img src=x onerror=alert(1)>\\u{202e}.csv: it does not belong here: SHA256SUMS does not name it',
    )
    await picture('verifier-refused-1280.png')
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow()).toBe(0)
    await picture('verifier-refused-390.png')
    expect(await page.locator('img').count()).toBe(0)
    expect(errors).toEqual([])
  })

  it('says what is wrong with what is no evidence', async () => {
    const broken = join(folder, 'broken.zip')
    await writeFile(broken, (await readFile(zip())).subarray(0, 5000))
    await give('#files', broken)
    expect(await titleOf()).toBe('Not checked')
    expect(await page.locator('#verdict p').textContent()).toBe(
      'the archive cannot be read: it has no end',
    )
  })

  it('says that signatures were not checked where the browser has no Ed25519', async () => {
    await page.addInitScript(() => {
      const refuse = () => Promise.reject(new DOMException('no', 'NotSupportedError'))
      Object.defineProperty(crypto.subtle, 'importKey', { value: refuse })
    })
    await page.goto(verifierUrl())
    await give('#files', zip())
    expect(await titleOf()).toBe('Signatures were not checked')
  })

  it('sends nothing: no request leaves it, and none can', async () => {
    await give('#files', zip())
    expect(requests).toEqual([verifierUrl()])
    const refused = await page.evaluate(`new Promise((resolve) => {
      const wanted = []
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
        wanted.push(effectiveDirective)
        if (wanted.length === 2) resolve(wanted.sort())
      })
      fetch('https://example.com/').catch(() => undefined)
      new Image().src = 'https://example.com/a.png'
    })`)
    expect(refused).toEqual(['connect-src', 'img-src'])
  })

  it('is used with a keyboard alone, and fits a phone', async () => {
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      (async () => {
        await page.keyboard.press('Tab')
        expect(await focused()).toBe('files')
        await page.keyboard.press('Enter')
      })(),
    ])
    await chooser.setFiles(zip())
    await page.waitForSelector('#verdict.unpinned')
    expect(await focused()).toBe('verdict')
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await overflow()).toBe(0)
    await picture('verifier-holds-390.png')
  })
})

describe.skipIf(missing.length > 0)(`the first page of evidence in a browser${needsPages}`, () => {
  it('is read without a script, on a desk and on a phone', async () => {
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 })
      await page.goto(pathToFileURL(join(unpacked(), 'index.html')).href)
      expect([width, await overflow()]).toEqual([width, 0])
      await picture(`index-${width}.png`)
    }
    expect(await page.locator('script, img').count()).toBe(0)
    const links = await page.locator('a').evaluateAll((all) => {
      return all.map((each) => each.getAttribute('href') ?? '')
    })
    expect(links.filter((link) => !genuine.has(link))).toEqual([])
    expect(requests.filter((url) => !url.startsWith('file:'))).toEqual([])
    expect(errors).toEqual([])
  })
})

describe('the published package', () => {
  it('holds the verifier page as it stands in the source', async () => {
    const dist = new URL('../../dist/reports/evidence/', import.meta.url)
    const built: { verifierPage: typeof verifierPage } = await import(
      new URL('verifier-page.js', dist).href
    )
    expect(await built.verifierPage()).toBe(await verifierPage())
    expect(await readdir(new URL('verifier', dist))).not.toContain('tsconfig.json')
  })
})
