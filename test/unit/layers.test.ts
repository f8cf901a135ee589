import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')

/** `[rule, module, what it imports]`: each of these is refused, by that rule. */
const refused = [
  ['layer-errors', 'errors.ts', './limits.ts'],
  ['layer-limits', 'limits.ts', './errors.ts'],
  ['layer-breather', 'breather.ts', './errors.ts'],
  ['layer-defined', 'defined.ts', './errors.ts'],
  ['layer-ongoing', 'ongoing.ts', './limits.ts'],
  ['layer-secret', 'secret/value.ts', '../limits.ts'],
  ['layer-events', 'events/a.ts', '../crypto/leaf.ts'],
  ['layer-crypto', 'crypto/a.ts', '../events/leaf.ts'],
  ['layer-store', 'store/a.ts', '../events/leaf.ts'],
  ['layer-keys', 'keys/a.ts', '../events/leaf.ts'],
  ['layer-proofs', 'proofs/a.ts', '../store/leaf.ts'],
  ['layer-projections', 'projections/a.ts', '../log/leaf.ts'],
  ['layer-projections-types', 'projections/a.ts', '../store/leaf.ts'],
  ['layer-log', 'log/a.ts', '../decide/leaf.ts'],
  ['layer-access', 'access/a.ts', '../decide/leaf.ts'],
  ['layer-decide', 'decide/a.ts', '../log/leaf.ts'],
  ['layer-transfer', 'transfer/a.ts', '../vault/leaf.ts'],
  ['layer-reports', 'reports/a.ts', '../vault/leaf.ts'],
  ['layer-vault', 'vault/a.ts', '../index.ts'],
  ['layer-index', 'index.ts', './testing/leaf.ts'],
  ['layer-testing', 'testing/a.ts', '../cli/leaf.ts'],
  ['layer-verify', 'verify.ts', './store/leaf.ts'],
  ['layer-http', 'http/a.ts', '../vault/leaf.ts'],
  ['layer-server', 'server.ts', './vault/leaf.ts'],
  ['layer-client', 'client.ts', './vault/leaf.ts'],
  ['layer-client-types', 'client.ts', './index.ts'],
  ['layer-cli', 'cli/a.ts', '../vault/leaf.ts'],
  ['package-level', 'vault/a.ts', 'level'],
  ['package-level', 'store/memory.ts', 'level'],
  ['package-argon2', 'crypto/a.ts', 'argon2'],
  ['package-rxjs', 'decide/a.ts', 'rxjs'],
  ['package-msgpackr', 'decide/a.ts', 'msgpackr'],
  ['package-shamir-secret-sharing', 'keys/a.ts', 'shamir-secret-sharing'],
  ['package-commander', 'vault/a.ts', 'commander'],
  ['package-csv-stringify', 'vault/a.ts', 'csv-stringify'],
  ['package-pdfkit', 'reports/a.ts', 'pdfkit'],
  ['package-yazl', 'vault/a.ts', 'yazl'],
  ['package-fastify', 'vault/a.ts', 'fastify'],
  ['package-typebox', 'cli/a.ts', 'typebox'],
  ['package-prom-client', 'vault/a.ts', 'prom-client'],
  ['package-pino', 'http/a.ts', 'pino'],
  ['package-@opentelemetry/api', 'http/a.ts', '@opentelemetry/api'],
  ['no-cycle', 'errors.ts', './limits.ts'],
  ['no-stranger', 'helpers/a.ts', '../errors.ts'],
  ['no-unresolved', 'events/a.ts', './absent.ts'],
  ['no-undeclared', 'testing/a.ts', 'vitest'],
  ['no-undeclared', 'store/a.ts', 'abstract-level'],
  ['decide-is-pure', 'decide/a.ts', 'node:crypto'],
  ['verify-is-not-native', 'verify.ts', './crypto/kdf.ts'],
] as const

/** `[module, what it imports]`: each of these is let through. */
const admitted = [
  ['store/level.ts', 'level'],
  ['crypto/kdf.ts', 'argon2'],
  ['log/b.ts', 'rxjs'],
  ['events/b.ts', 'msgpackr'],
  ['http/b.ts', 'fastify'],
  ['http/b.ts', 'typebox'],
  ['decide/b.ts', '../projections/leaf.ts'],
  ['decide/b.ts', '../events/leaf.ts'],
  ['log/b.ts', '../store/leaf.ts'],
  ['vault/b.ts', '../decide/leaf.ts'],
  ['projections/b.ts', 'type ../store/leaf.ts'],
  ['client/b.ts', 'type ../index.ts'],
] as const

interface Cruise {
  readonly modules: readonly { source: string; dependencies: readonly { resolved: string }[] }[]
  readonly summary: {
    readonly violations: readonly { rule: { name: string }; from: string; to: string }[]
    readonly ruleSetUsed: { readonly forbidden: readonly { name: string }[] }
  }
}

async function cruise(folder: string): Promise<Cruise> {
  const config = join(folder, '.dependency-cruiser.cjs')
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [cruiser, '--config', config, '--output-type', 'json', 'src'],
    { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
  )
  return JSON.parse(stdout)
}

/** Where dependency-cruiser says an import leads: a path from the root, a package's name, a built-in's. */
function target(module: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier.replace('node:', '')
  return join('src', dirname(module), specifier)
}

const arrow = (from: string, to: string) =>
  `${from} → ${to.replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/, '$1')}`

const refusals = ({ summary }: Cruise) =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${arrow(from, to)}`)

const edges = ({ modules }: Cruise) =>
  modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => arrow(source, resolved)),
  )

const statement = (specifier: string) =>
  specifier.startsWith('type ')
    ? `import type { leaf } from '${specifier.slice('type '.length)}'\nexport type Leaf = typeof leaf\n`
    : `import '${specifier}'\n`

async function plant(folder: string): Promise<void> {
  const sources = new Map<string, string>([['orphan.ts', 'export const alone = 1\n']])
  const imports = [...refused.map(([, ...edge]) => edge), ...admitted]
  for (const [module, specifier] of imports) {
    sources.set(module, (sources.get(module) ?? '') + statement(specifier))
    const leaf = target(module, specifier.replace('type ', ''))
    if (leaf.endsWith('/leaf.ts')) sources.set(leaf.slice('src/'.length), 'export const leaf = 1\n')
  }
  for (const [module, source] of sources) {
    const file = join(folder, 'src', module)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, source)
  }
}

describe('the layers', () => {
  let folder: string
  let planted: Cruise
  let violations: string[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'muniment-layers-'))
    for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
      await copyFile(join(root, name), join(folder, name))
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await plant(folder)
    planted = await cruise(folder)
    violations = refusals(planted)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(refused)('%s refuses src/%s → %s', (rule, module, specifier) => {
    const to = rule === 'no-unresolved' ? specifier : target(module, specifier)
    const reached = rule === 'verify-is-not-native' ? 'argon2' : to
    expect(violations).toContain(`${rule}: src/${module} → ${reached}`)
  })

  it('refuses a module that nothing imports and that imports nothing', () => {
    expect(violations).toContain('no-orphan: src/orphan.ts → src/orphan.ts')
  })

  it.each(admitted)('admits src/%s → %s', (module, specifier) => {
    const edge = arrow(`src/${module}`, target(module, specifier.replace('type ', '')))
    expect(edges(planted)).toContain(edge)
    expect(violations.filter((line) => line.endsWith(edge))).toEqual([])
  })

  it('has no rule that was not seen to refuse something', () => {
    const rules = planted.summary.ruleSetUsed.forbidden.map((rule) => rule.name)
    expect(rules.filter((name) => !violations.some((line) => line.startsWith(`${name}:`)))).toEqual(
      [],
    )
  })

  it('hold in the source', async () => {
    const source = await cruise(root)
    expect(refusals(source)).toEqual([])
    // A cruise that cannot read TypeScript finds no import at all, and so nothing to refuse.
    expect(edges(source)).toContain('src/index.ts → src/errors.ts')
  })
})
