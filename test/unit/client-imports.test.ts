import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../../src', import.meta.url))

interface Module {
  /** Below `src`. */
  readonly path: string
  /** As a program that runs it has it: types taken away. */
  readonly text: string
}

interface Reached {
  readonly modules: readonly Module[]
  /** What is imported that is no file of ours. */
  readonly strangers: readonly string[]
}

/** All that a module loads when it runs. */
function reachedFrom(entry: string): Reached {
  const modules = new Map<string, Module>()
  const strangers: string[] = []
  const waiting = [resolve(src, entry)]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(file)) continue
    const path = relative(src, file)
    const { outputText: text } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ESNext,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        removeComments: true,
      },
    })
    modules.set(file, { path, text })
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
      if (fileName.startsWith('.')) waiting.push(resolve(dirname(file), fileName))
      else strangers.push(`${path}: ${fileName}`)
    }
  }
  return { modules: [...modules.values()], strangers }
}

describe('what muniment/client loads', () => {
  const { modules, strangers } = reachedFrom('client.ts')

  it('is no package and no module of Node', () => {
    expect(modules.length).toBeGreaterThan(15)
    expect(strangers).toEqual([])
  })

  it('is of the client and of what stands below everything', () => {
    const below = /^(client\.ts|client\/.+|errors\.ts|limits\.ts|defined\.ts|secret\/.+)$/
    expect(modules.map(({ path }) => path).filter((path) => !below.test(path))).toEqual([])
  })

  it('uses nothing that Node alone has without looking whether it is there', () => {
    const used = modules.flatMap(({ path, text }) => {
      const names = [...text.matchAll(/\b(Buffer|process|require|setImmediate)\b[.(]/g)]
      const unchecked = names.filter(([, name]) => !text.includes(`typeof ${name} `))
      return unchecked.map(([, name]) => `${path}: ${name}`)
    })
    expect(used).toEqual([])
  })

  it('would be seen to be more', () => {
    expect(reachedFrom('crypto/hash.ts').strangers).toContain('crypto/hash.ts: node:crypto')
  })
})
