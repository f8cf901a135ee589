import { stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { type FormatName, formatNames } from '../index.ts'
import { UsageError } from './failure.ts'
import { expectFree } from './new-file.ts'

/** Where the outputs of a report go, and its manifest beside them. */
export interface ReportPlace {
  readonly folder: string
  /** Of the outputs, before their extensions. */
  readonly name: string
  readonly formats: readonly FormatName[]
}

/** Behind the name of a report's outputs. */
export const manifestExtension = '.manifest'

/**
 * What `--out` means: a file, whose name ends in its format, or a folder for one file a format. Refuses what cannot be,
 * before anybody is asked for a passphrase.
 */
export async function placeOf(
  out: string,
  { report, formats }: { readonly report: string; readonly formats: readonly FormatName[] },
): Promise<ReportPlace> {
  const isFolder = out.endsWith('/') || (await isThere(out))
  const place = isFolder
    ? { folder: out, name: report, formats: expectFormats(formats, out) }
    : filePlace(out, formats)
  if (!(await isThere(place.folder))) {
    throw new UsageError(`there is no folder ${place.folder}`, `mkdir ${place.folder}`)
  }
  const extensions = [...place.formats.map((format) => `.${format}`), manifestExtension]
  for (const extension of extensions) {
    await expectFree(join(place.folder, `${place.name}${extension}`))
  }
  return place
}

function expectFormats(formats: readonly FormatName[], out: string): readonly FormatName[] {
  if (formats.length > 0) return formats
  throw new UsageError(`--out ${out} is a folder: one file a format goes there`, '--format csv pdf')
}

function filePlace(out: string, given: readonly FormatName[]): ReportPlace {
  const extension = extname(out)
  const format = formatNames.find((name) => extension === `.${name}`)
  if (format === undefined) {
    const [first = 'csv'] = given
    const known = formatNames.map((name) => `.${name}`).join(', ')
    throw new UsageError(
      `--out ${out}: expected a file whose name ends in one of ${known}, or a folder`,
      `--out ${out.slice(0, out.length - extension.length)}.${first}`,
    )
  }
  if (given.some((other) => other !== format)) {
    const hint = `a folder for one file a format: --out ${dirname(out)}/`
    throw new UsageError(`--out ${out} is one file, of format ${format}`, hint)
  }
  return { folder: dirname(out), name: basename(out, extension), formats: [format] }
}

async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
