import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
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
  /** The SHA-256 of each output, in hex. */
  readonly hashes: ReadonlyMap<string, string>
  readonly absent: readonly string[]
  /** Files that cannot be read although they are there, or were asked for. */
  readonly unreadable: readonly string[]
}

/** A manifest that is none, or cannot be read. */
interface Unread {
  readonly path: string
  readonly unread: string
}

/** What a report was held against: the log itself, or the key that signs it. */
type Against = 'log' | 'key'

interface Checked {
  readonly laid: Laid | Unread
  /** What else could not be shown. */
  readonly unshown?: readonly string[]
  readonly problems: readonly string[]
}

export function addReportVerify(parent: Command): void {
  subcommand(parent, 'verify', 'make a report again and compare; or check its signature with --key')
    .argument('<file...>', "manifests, or a report's files with the manifest beside them")
    .option('--key <vkey>', "the vault's verifier, as you were given it: no vault is opened then")
    .action(
      handled<{ key?: string }>(async (cli, { args, options: { key } }) => {
        const laid = await layOut(cli, args)
        const against = key === undefined ? 'log' : 'key'
        const checked = key === undefined ? await makeAgain(cli, laid) : byKey(laid, key)
        await cli.out.result(checked.map(jsonOf), () =>
          checked.map((each) => inWords(cli, each, against)).join('\n\n'),
        )
        if (checked.some(({ problems }) => problems.length > 0)) throw new Exit(exitCodes.integrity)
      }),
    )
}

/**
 * Reads all that is to be checked, before anybody is asked for a passphrase. One manifest that cannot be read does not
 * hide the others; where none can, the command was called with the wrong files.
 */
async function layOut(cli: Cli, files: readonly string[]): Promise<readonly (Laid | Unread)[]> {
  const given = new Map<string, { readonly path: string; readonly outputs: string[] }>()
  for (const file of files) {
    const path = manifestOf(file)
    const known = given.get(resolve(path)) ?? { path, outputs: [] }
    given.set(resolve(path), known)
    if (path !== file) known.outputs.push(basename(file))
  }
  const laid: (Laid | Unread)[] = []
  for (const { path, outputs } of given.values()) laid.push(await layOne(cli, path, outputs))
  const [first] = laid
  if (first !== undefined && 'unread' in first && laid.every((each) => 'unread' in each)) {
    throw new UsageError(first.unread)
  }
  return laid
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

async function layOne(cli: Cli, path: string, outputs: readonly string[]): Promise<Laid | Unread> {
  const bytes = await readFile(path).catch((cause: unknown) => codeOf(cause))
  if (typeof bytes === 'string') {
    return { path, unread: `the manifest ${path} cannot be read: ${bytes}` }
  }
  const read = parsed(path, bytes)
  if ('unread' in read) return read
  const { statement: manifest, isSigned } = read
  const hashes = new Map<string, string>()
  const absent: string[] = []
  const unreadable: string[] = []
  const named = manifest.outputs.map(({ name }) => name)
  for (const name of new Set([...named, ...outputs])) {
    const found = await hashBeside(cli, join(dirname(path), name))
    if ('sha256' in found) hashes.set(name, found.sha256)
    else if (outputs.includes(name) || !absentCodes.has(found.code)) {
      unreadable.push(`${name} cannot be read: ${found.code}`)
    } else absent.push(name)
  }
  return { path, bytes, manifest, isSigned, hashes, absent, unreadable }
}

function parsed(path: string, bytes: Buffer): ReturnType<typeof parseManifest> | Unread {
  try {
    return parseManifest(bytes)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return { path, unread: `${path} is no manifest: ${error.message}` }
  }
}

/** What a name answers under which no file lies. */
const absentCodes: ReadonlySet<string> = new Set([
  'EISDIR',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'ERR_INVALID_ARG_VALUE',
  'no file',
])

/** Hashes a file piece by piece, however large it is. What is no file, and may never end, is not read. */
async function hashBeside(
  { signal }: Cli,
  path: string,
): Promise<{ readonly sha256: string } | { readonly code: string }> {
  try {
    if (!(await stat(path)).isFile()) return { code: 'no file' }
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash, { signal })
    return { sha256: hash.digest('hex') }
  } catch (cause) {
    if (signal.aborted) throw new VaultError('ABORTED', 'the caller aborted', { cause })
    return { code: codeOf(cause) }
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
}

function makeAgain(cli: Cli, laid: readonly (Laid | Unread)[]): Promise<readonly Checked[]> {
  return withReader(cli, async (reader) => {
    const checked: Checked[] = []
    for (const each of laid) {
      checked.push('unread' in each ? refused(each) : await againOne(cli, reader, each))
    }
    return checked
  })
}

function refused(laid: Unread): Checked {
  return { laid, problems: [laid.unread] }
}

async function againOne(cli: Cli, { reports }: Reader, laid: Laid): Promise<Checked> {
  const bar = cli.out.progress(`making ${laid.manifest.report} again`)
  const { problems, isCheckpointShown } = await reports
    .verify(
      laid.bytes,
      {
        hashes: laid.hashes,
        signal: cli.signal,
        onProgress: ({ position, size }) => bar.at(position, size),
      },
      cli.call,
    )
    .finally(() => bar.end())
  const unshown = isCheckpointShown ? [] : [laterWords]
  return { laid, problems: [...problems, ...laid.unreadable], unshown }
}

const laterWords = 'how its log went on to the checkpoint: this backup ends before that'

function byKey(laid: readonly (Laid | Unread)[], key: string): readonly Checked[] {
  const trust = { log: parseVkey(key) }
  return laid.map((each) => {
    if ('unread' in each) return refused(each)
    const { bytes, hashes, unreadable } = each
    const broken = brokenBy(() => verifyReport(bytes, { trust }))
    // Each file for itself: what is wrong with one must not hide what is wrong with another.
    const wrong = [...hashes].map((hash) =>
      brokenBy(() => verifyReport(bytes, { trust, hashes: new Map([hash]) })),
    )
    const problems = broken === undefined ? wrong.filter(isSaid) : [broken]
    return { laid: each, problems: [...problems, ...unreadable] }
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
    if (error instanceof VaultError) return error.message
    throw error
  }
}

function jsonOf({ laid, problems, unshown }: Checked) {
  if ('unread' in laid) return { manifest: laid.path, ok: false, problems }
  const { path, manifest, isSigned, hashes, absent } = laid
  const { report, version, params, asOf, range, rowCount, findings } = manifest
  return {
    manifest: path,
    ok: problems.length === 0,
    isSigned,
    ...{ report, version, params, asOf, range, rowCount, findings },
    files: [...hashes.keys()],
    absent,
    ...(unshown !== undefined && { isCheckpointShown: unshown.length === 0 }),
    problems,
  }
}

function inWords(cli: Cli, { laid, problems, unshown = [] }: Checked, against: Against): string {
  const lines =
    problems.length === 0 && !('unread' in laid)
      ? shownWords(laid, against, unshown)
      : problems.map(
          (text) => `${style('red', 'does not hold:', process.stdout)} ${printable(text)}`,
        )
  const title = titleOf(cli, laid)
  return [printable(title), ...lines.map((line) => `  ${line}`)].join('\n')
}

function titleOf(cli: Cli, laid: Laid | Unread): string {
  if ('unread' in laid) return laid.path
  const { report, asOf } = laid.manifest
  const at = `${cli.exact(new Date(asOf.time))} ${cli.globals.tz}`
  return `${laid.path}: ${report} up to position ${asOf.position}, ${at}`
}

function shownWords(
  { manifest, isSigned, hashes, absent }: Laid,
  against: Against,
  more: readonly string[],
): string[] {
  const { rowCount, findings } = manifest
  const again = `made again, it has the same ${plural(rowCount, 'row')} and ${plural(findings, 'finding')}`
  const whose = against === 'log' ? "this vault's" : 'the one whose key you gave'
  const holds = [
    ...(against === 'log' ? [again] : []),
    `its log is ${whose}, as a signed checkpoint shows`,
    ...(isSigned ? ['an owner of the vault has signed it'] : []),
    ...[...hashes.keys()].map((name) => `${name} is the file that it was made of`),
  ]
  const unshown = [
    ...more,
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
