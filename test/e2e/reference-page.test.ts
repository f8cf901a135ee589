import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp, embedded, type Listening, listen } from '../../src/server.ts'
import { testVault } from '../../src/testing.ts'
import { launchBrowser, missing, needsPages } from '../fixtures/browser.ts'

/** Where pictures of the page go, for whoever wants to see them; nowhere unless said. */
const pictures = process.env.MUNIMENT_TEST_PICTURES

let server: Listening
let browser: Browser
let close: () => Promise<void>

beforeAll(async () => {
  if (missing.length > 0) return
  const { vault } = await testVault()
  server = await listen(createApp(embedded(vault)), { port: 0 })
  browser = await launchBrowser()
  close = async () => {
    await browser.close()
    await server.close({ graceMs: 0 })
    await vault.close()
  }
})

afterAll(() => close?.())

describe.skipIf(missing.length > 0)(`the page at /docs in a browser${needsPages}`, () => {
  it.each([
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 390, colorScheme: 'light' },
    { width: 390, colorScheme: 'dark' },
  ] as const)(
    'is styled, loads nothing and is no wider than $width, $colorScheme',
    async (look) => {
      const { width, colorScheme } = look
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => requests.push(new URL(request.url()).pathname))
      await page.goto(`${server.address}/docs#CONFLICT`)
      const found = await page.evaluate<Record<string, unknown>>(`({
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      paper: getComputedStyle(document.body).backgroundColor,
      target: document.querySelector(':target')?.textContent.includes('CONFLICT'),
      isSeen: document.querySelector(':target').getBoundingClientRect().top < innerHeight,
    })`)
      expect(found).toMatchObject({
        wider: 0,
        paper: colorScheme === 'dark' ? 'rgb(23, 23, 21)' : 'rgb(255, 255, 255)',
        target: true,
        isSeen: true,
      })
      expect(complaints).toEqual([])
      expect(requests.filter((path) => path !== '/favicon.ico')).toEqual(['/docs'])
      if (pictures !== undefined) {
        await page.screenshot({ path: join(pictures, `reference-${width}-${colorScheme}.png`) })
      }
      await page.close()
    },
  )
})
