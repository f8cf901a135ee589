import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { formatNames, VaultError } from '../../index.ts'
import { type Manifest, parseManifest, parseVkey, verifyReport } from '../../verify.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
import { manifestExtension } from '../report-place.ts'
import { plural, printable, style } from '../text.ts'

/** A manifest, and as many of the outputs that it names as stand beside it. */
interface Laid {
  readonly path: string
  readonly bytes: Buffer
  readonly manifest: Manifest
  readonly isSigned: boolean
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly absent: readonly string[]
}

/** What a report was held against: the log itself, or the key that signs it. */
type Against = 'log' | 'key'

interface Checked {
  readonly laid: Laid
  readonly problems: readonly string[]
}

export function addReportVerify(parent: Command): void {
  subcommand(parent, 'verify', 'make a report again and compare; or check its signature with --key')
    .argument('<file...>', "manifests, or a report's files with the manifest beside them")
    .option('--key <vkey>', "the vault's verifier, as you were given it: no vault is opened then")
    .action(
      handled<{ key?: string }>(async (cli, { args, options: { key } }) => {
        const laid = await layOut(args)
        const against = key === undefined ? 'log' : 'key'
        const checked = key === undefined ? await makeAgain(cli, laid) : byKey(laid, key)
        await cli.out.result(checked.map(jsonOf), () =>
          checked.map((each) => inWords(cli, each, against)).join('\n\n'),
        )
        if (checked.some(({ problems }) => problems.length > 0)) throw new Exit(exitCodes.integrity)
      }),
    )
}

/** Reads all that is to be checked, before anybody is asked for a passphrase. */
async function layOut(files: readonly string[]): Promise<readonly Laid[]> {
  const given = new Map<string, { readonly path: string; readonly outputs: string[] }>()
  for (const file of files) {
    const path = manifestOf(file)
    const known = given.get(resolve(path)) ?? { path, outputs: [] }
    given.set(resolve(path), known)
    if (path !== file) known.outputs.push(basename(file))
  }
  return Promise.all([...given.values()].map(({ path, outputs }) => layOne(path, outputs)))
}

const outputForm = new RegExp(`^(.+?)(?:-\\d+-of-\\d+)?\\.(?:${formatNames.join('|')})$`)

/** A manifest itself, or that which stands beside an output. */
function manifestOf(file: string): string {
  if (file.endsWith(manifestExtension)) return file
  const [, name] = outputForm.exec(basename(file)) ?? []
  if (name !== undefined) return join(dirname(file), `${name}${manifestExtension}`)
  throw new UsageError(
    `expected a manifest or a file of a report, found ${file}`,
    `they end in ${manifestExtension}, or in one of ${formatNames.join(', ')}`,
  )
}

async function layOne(path: string, outputs: readonly string[]): Promise<Laid> {
  const bytes = await readFile(path).catch((cause) => {
    throw new UsageError(`the manifest ${path} cannot be read: ${cause.code}`)
  })
  const { statement: manifest, isSigned } = parsed(path, bytes)
  const folder = dirname(path)
  const files = new Map<string, Uint8Array>()
  const absent: string[] = []
  const named = manifest.outputs.map(({ name }) => name)
  for (const name of new Set([...named, ...outputs])) {
    const content = basename(name) === name ? await readBeside(join(folder, name)) : undefined
    if (content !== undefined) files.set(name, content)
    else if (!outputs.includes(name)) absent.push(name)
    else throw new UsageError(`${join(folder, name)} cannot be read: ENOENT`)
  }
  return { path, bytes, manifest, isSigned, files, absent }
}

function parsed(path: string, bytes: Buffer): ReturnType<typeof parseManifest> {
  try {
    return parseManifest(bytes)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    throw new UsageError(`${path} is no manifest: ${error.message}`)
  }
}

async function readBeside(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    if (code === 'ENOENT') return undefined
    throw new UsageError(`${path} cannot be read: ${code}`)
  }
}

function makeAgain(cli: Cli, laid: readonly Laid[]): Promise<readonly Checked[]> {
  return withReader(cli, async (reader) => {
    const checked: Checked[] = []
    for (const each of laid) checked.push(await againOne(cli, reader, each))
    return checked
  })
}

async function againOne(cli: Cli, { reports }: Reader, laid: Laid): Promise<Checked> {
  const bar = cli.out.progress(`making ${laid.manifest.report} again`)
  const { problems } = await reports
    .verify(
      laid.bytes,
      {
        files: laid.files,
        signal: cli.signal,
        onProgress: ({ position, size }) => bar.at(position, size),
      },
      cli.call,
    )
    .finally(() => bar.end())
  return { laid, problems }
}

function byKey(laid: readonly Laid[], key: string): readonly Checked[] {
  const trust = { log: parseVkey(key) }
  return laid.map((each) => {
    const { bytes, files } = each
    const broken = brokenBy(() => verifyReport(bytes, { trust }))
    // Each file for itself: what is wrong with one must not hide what is wrong with another.
    const wrong = [...files].map((file) =>
      brokenBy(() => verifyReport(bytes, { trust, files: new Map([file]) })),
    )
    return { laid: each, problems: broken === undefined ? wrong.filter(isSaid) : [broken] }
  })
}

function isSaid(problem: string | undefined): problem is string {
  return problem !== undefined
}

/** What does not hold, in words. */
function brokenBy(check: () => unknown): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof VaultError && error.code === 'INTEGRITY') return error.message
    throw error
  }
}

function jsonOf({ laid, problems }: Checked) {
  const { path, manifest, isSigned, files, absent } = laid
  const { report, version, params, asOf, range, rowCount, findings } = manifest
  return {
    manifest: path,
    ok: problems.length === 0,
    isSigned,
    ...{ report, version, params, asOf, range, rowCount, findings },
    files: [...files.keys()],
    absent,
    problems,
  }
}

function inWords(cli: Cli, { laid, problems }: Checked, against: Against): string {
  const { path, manifest } = laid
  const { report, asOf } = manifest
  const at = `${cli.exact(new Date(asOf.time))} ${cli.globals.tz}`
  const lines =
    problems.length === 0
      ? shownWords(laid, against)
      : problems.map(
          (text) => `${style('red', 'does not hold:', process.stdout)} ${printable(text)}`,
        )
  const title = `${path}: ${report} up to position ${asOf.position}, ${at}`
  return [printable(title), ...lines.map((line) => `  ${line}`)].join('\n')
}

function shownWords({ manifest, isSigned, files, absent }: Laid, against: Against): string[] {
  const { rowCount, findings } = manifest
  const again = `made again, it has the same ${plural(rowCount, 'row')} and ${plural(findings, 'finding')}`
  const whose = against === 'log' ? "this vault's" : 'the one whose key you gave'
  const holds = [
    ...(against === 'log' ? [again] : []),
    `its log is ${whose}, as a signed checkpoint shows`,
    ...(isSigned ? ['an owner of the vault has signed it'] : []),
    ...[...files.keys()].map((name) => `${name} is the file that it was made of`),
  ]
  const unshown = [
    ...(isSigned
      ? []
      : ["an owner's word for it: it is not signed, as what an auditor's keyslot makes"]),
    ...(against === 'log' ? [] : ['its rows: make it again, from the vault or a backup']),
    ...absent.map((name) => `${name}, which is not here`),
  ]
  return [
    ...holds.map((text) => `${style('green', 'holds:', process.stdout)} ${printable(text)}`),
    ...unshown.map((text) => `${style('yellow', 'not shown:', process.stdout)} ${printable(text)}`),
  ]
}
