import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser, missing, needsPages } from '../fixtures/browser.ts'
import { Shell } from '../fixtures/cli.ts'
import { devToken, type ServerProcess, startDevServer } from '../fixtures/server-process.ts'

/** Where the page finds the built package: below the server's own origin, as a console of its own would have it. */
const app = '/app/'
const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

let shell: Shell
let server: ServerProcess
let browser: Browser
let page: Page
let loaded: string[]
let complaints: string[]

beforeAll(async () => {
  if (missing.length > 0) return
  shell = await Shell.make()
  server = await startDevServer(shell)
  browser = await launchBrowser()
})

afterAll(async () => {
  await browser?.close()
  await server?.end()
  await shell?.remove()
})

beforeEach(async () => {
  if (missing.length > 0) return
  loaded = []
  complaints = []
  page = await browser.newPage()
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => complaints.push(message.text()))
  await page.route(`**${app}**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(app.length)
    if (name === '') return route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
    loaded.push(name)
    const body = await readFile(`${dist}${name}`)
    return route.fulfill({ contentType: 'text/javascript', body })
  })
  await page.goto(`${server.url}${app}`)
})

afterEach(async () => {
  await page?.close()
})

/** Runs a program in the page, where `vault` is the client, and gives what it comes to. */
function inPage<T>(program: string): Promise<T> {
  return page.evaluate<T>(`(async () => {
    const { connect, eventId, SecretValue, VaultError } = await import('${app}client.js')
    const vault = connect({ server: location.origin, token: '${devToken}' })
    ${program}
  })()`)
}

describe.skipIf(missing.length > 0)(`muniment/client in a browser${needsPages}`, () => {
  it('loads its own modules and nothing else', async () => {
    expect(await inPage('return [typeof Buffer, typeof process]')).toEqual([
      'undefined',
      'undefined',
    ])
    expect(loaded).toContain('client.js')
    const own =
      /^(client\.js|client\/[\w/-]+\.js|errors\.js|limits\.js|defined\.js|secret\/[\w-]+\.js)$/
    expect(loaded.filter((name) => !own.test(name))).toEqual([])
    expect(complaints).toEqual([])
  })

  it('writes and reads text, fields and bytes', async () => {
    const given = await inPage(`
      const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)
      await vault.write('web/text', 'hunter2 ünïcode “”', { reason: 'früh' })
      await vault.write('web/fields', { user: 'app', ports: [1, 2] })
      await vault.write('web/bytes', bytes)
      const text = await vault.read('web/text')
      const read = (await vault.read('web/bytes')).bytes()
      return {
        text: text.text(),
        fields: (await vault.read('web/fields')).fields(),
        bytes: read instanceof Uint8Array && read.length === bytes.length && read.every((b, i) => b === bytes[i]),
        shown: String(text) + JSON.stringify({ text }),
        isValue: text instanceof SecretValue,
      }`)
    expect(given).toEqual({
      text: 'hunter2 ünïcode “”',
      fields: { user: 'app', ports: [1, 2] },
      bytes: true,
      shown: '[secret]{"text":"[secret]"}',
      isValue: true,
    })
    expect(complaints).toEqual([])
  })

  it('changes, looks back, and sees what it wrote', async () => {
    const given = await inPage(`
      const id = eventId()
      const first = await vault.write('web/then', 'old', { id })
      const again = await vault.write('web/then', 'old', { id })
      await vault.rotate('web/then', 'new', { trigger: 'compromise' })
      const then = await vault.asOf({ position: first.position })
      const info = await vault.describe('web/then')
      return {
        same: first.position === again.position,
        old: (await then.read('web/then')).text(),
        origins: (await vault.history('web/then')).map(({ origin }) => origin),
        isDate: info.createdAt instanceof Date,
        position: vault.position >= first.position,
      }`)
    expect(given).toEqual({
      same: true,
      old: 'old',
      origins: ['compromise', 'written'],
      isDate: true,
      position: true,
    })
  })

  it('throws what the vault threw', async () => {
    const given = await inPage(`
      const refused = (work) => work.then(() => 'no', (e) => [e instanceof VaultError, e.code, e.path])
      const signal = AbortSignal.abort()
      const stranger = connect({ server: location.origin, token: 'nobody' })
      return [
        await refused(vault.read('nowhere')),
        await refused(vault.read('web/a', { signal })),
        await refused(stranger.read('web/a')),
      ]`)
    expect(given).toEqual([
      [true, 'NOT_FOUND', 'nowhere'],
      [true, 'ABORTED', undefined],
      [true, 'DENIED', undefined],
    ])
  })

  it('follows the audit trail while it grows, and lets go of it', async () => {
    const given = await inPage<string[]>(`
      await vault.write('web/followed', '1')
      const after = vault.position
      const stop = new AbortController()
      const seen = []
      const following = (async () => {
        for await (const event of vault.audit.follow({ after, subject: 'web/followed', signal: stop.signal })) {
          seen.push([event.type, event.actor, event.time > 1.7e12].join(' '))
          if (seen.length === 2) stop.abort()
        }
      })().catch((error) => seen.push(error.code))
      await vault.write('web/followed', '2')
      await vault.read('web/followed')
      await following
      return seen`)
    expect(given).toEqual(['secret.written root true', 'secret.accessed root true', 'ABORTED'])
    expect(complaints).toEqual([])
  })
})
