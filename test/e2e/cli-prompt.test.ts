import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { passphrase, Vault } from '../../src/index.ts'
import { ended, main, type Ran, Shell, words } from '../fixtures/cli.ts'

/** Each command is a process of its own, and others may want the cores as well. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** util-linux has it; the `script` of other systems takes other arguments. */
const hasScript =
  process.platform === 'linux' &&
  /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

const command = `'${process.execPath}' '${main}'`
const cursorHidden = '\u001b[?25l'
const cursorShown = '\u001b[?25h'
const typed = 'typed-and-never-shown'

/** A shell line under a pseudo-terminal, at which somebody types. */
class Terminal {
  readonly #child: ChildProcess
  readonly #ended: Promise<Ran>
  #shown = ''
  #seen = 0
  #changed: () => void = () => undefined

  constructor(line: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn('script', ['-qec', line, '/dev/null'], { env: { ...env, TERM: 'xterm' } })
    this.#ended = ended(this.#child)
    this.#child.stdout?.on('data', (text) => {
      this.#shown += text
      this.#changed()
    })
  }

  /** Waits until it shows a text, beyond what was waited for before; gives what led to it. */
  async until(text: string): Promise<string> {
    for (;;) {
      const at = this.#shown.indexOf(text, this.#seen)
      if (at !== -1) {
        const shown = this.#shown.slice(this.#seen, at)
        this.#seen = at + text.length
        return shown
      }
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#changed = resolve
        }),
        this.#ended.then(() => {
          if (!this.#shown.includes(text, this.#seen))
            throw new Error(`ended without ${JSON.stringify(text)}: ${this.#shown}`)
        }),
      ])
    }
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Answers a question, once it stands there: before, the terminal would show what is typed. */
  async answer(question: string, text: string): Promise<void> {
    // What was answered is drawn once more, but only a question takes the cursor away.
    await this.until(cursorHidden)
    await this.until(`${question}\r\n`)
    this.type(`${text}\r`)
  }

  end(): Promise<Ran> {
    return this.#ended
  }
}

let shell: Shell

beforeAll(async () => {
  shell = await Shell.withVault({ x: 'fake-value' })
})

afterAll(() => shell.remove())

/** In a terminal of that size, and without the file that holds the passphrase. */
function terminal(line: string, size = { rows: 24, cols: 80 }): Terminal {
  const { MUNIMENT_PASSPHRASE_FILE, ...env } = shell.env
  return new Terminal(`stty rows ${size.rows} cols ${size.cols}; ${line}`, env)
}

/** Says how a terminal was left: a shell that comes back to one without echo shows nothing of what is typed. */
const sane = `; echo "code $?"; stty -a | grep -Eow -e '-?(echo|icanon|isig)' | xargs echo modes`
const modes = 'modes isig icanon echo\r\n'

describe.skipIf(!hasScript)('at a terminal', () => {
  it('asks for the passphrase and does not show it', async () => {
    const at = terminal(`${command} get x --reveal${sane}`)
    await at.answer('passphrase', words)
    const { stdout } = await at.end()
    expect(stdout).toContain(`${cursorShown}fake-value\r\ncode 0\r\n${modes}`)
    expect(stdout).not.toContain(words.slice(0, 4))
  })

  it('asks again where it was mistyped, and gives up after the third', async () => {
    const second = terminal(`${command} get x --reveal`)
    for (const answer of ['wrong', 'wrong again', words]) await second.answer('passphrase', answer)
    const { code, stdout } = await second.end()
    expect({ code, said: stdout.split('opens no keyslot').length - 1 }).toEqual({
      code: 0,
      said: 2,
    })
    expect(stdout).toContain('fake-value\r\n')

    const third = terminal(`${command} get x --reveal`)
    for (let n = 0; n < 3; n++) await third.answer('passphrase', 'wrong')
    const refused = await third.end()
    expect(refused.code).toBe(6)
    expect(refused.stdout).toContain('WRONG_KEY')
    expect(refused.stdout).not.toContain('fake-value')
  })

  it('asks twice for a new passphrase, and makes nothing where the two disagree', async () => {
    const vault = shell.path('made')
    const line = `${command} init --no-recovery --vault '${vault}'`
    const first = terminal(line)
    await first.answer('new passphrase', words)
    await first.answer('again', `${words} `)
    const refused = await first.end()
    expect(refused.code).toBe(2)
    expect(refused.stdout).toContain('the two did not agree; nothing was done')
    expect(existsSync(vault)).toBe(false)

    const second = terminal(line)
    await second.answer('new passphrase', words)
    await second.answer('again', words)
    const made = await second.end()
    expect(made.code).toBe(0)
    expect(made.stdout).toContain(`is at ${vault}\r\n`)
    expect(existsSync(vault)).toBe(true)
  })

  it('asks for a value and does not show it', async () => {
    const at = terminal(`${command} set asked`)
    await at.answer('value', typed)
    await at.answer('again', typed)
    await at.answer('passphrase', words)
    const { code, stdout } = await at.end()
    expect(code).toBe(0)
    expect(stdout).toContain('asked is at version 1')
    expect(stdout).not.toContain('typed-and')
  })

  it('asks at the terminal while a value is piped in and the result is piped out', async () => {
    // As a serial line and the terminal of a script have it, which know no size.
    const unsized = { rows: 0, cols: 0 }
    const at = terminal(`echo piped | ${command} set piped --json | tr a-z A-Z`, unsized)
    await at.answer('passphrase', words)
    expect((await at.end()).stdout).toContain('{"PATH":"PIPED","VERSION":1')
  })

  it('leaves the terminal as it was where the answer is Ctrl-C', async () => {
    const at = terminal(`${command} get x --reveal${sane}`)
    await at.until('passphrase')
    at.type('half\u0003')
    const { stdout } = await at.end()
    expect(stdout).toContain(`${cursorShown}code 130\r\n${modes}`)
  })

  it('leaves the terminal as it was where it is ended while it asks', async () => {
    const at = terminal(`sh -c 'echo "pid $$"; exec ${command} get x --reveal'${sane}`)
    await at.until('pid ')
    const pid = Number(await at.until('\r\n'))
    await at.until('passphrase')
    process.kill(pid, 'SIGTERM')
    const { stdout } = await at.end()
    expect(stdout).toContain(`${cursorShown}code 143\r\n${modes}`)
  })

  it('has taken the values as they were given, and recorded the wrong passphrases', async () => {
    const unlock = passphrase(words)
    const vault = await Vault.open({ path: shell.vault, unlock, actor: 'user/ana' })
    const [asked, piped] = await Promise.all([vault.read('asked'), vault.read('piped')])
    const { failedUnlocks } = await vault.health()
    await vault.close()
    expect([asked.text(), piped.text(), failedUnlocks]).toEqual([typed, 'piped', 5])
  })
})
