import { VaultError } from '../errors.ts'
import { checkPath } from '../events/path.ts'
import { pathBytesMax } from '../limits.ts'

/** What `checkPath` refuses of a character; that the two agree is a property in the tests. */
const refused = /[\p{C}\p{Zl}\p{Zp}*+!\\]|(?! )\p{Zs}/gu

/**
 * The path that stands for names of another program: each in normalisation form C, without the space around it, with
 * `_` for a character that no path may hold. A name for a folder may hold "/", which goes a level deeper; the last
 * name is the secret's own and stays one segment. Different names may so get one path, and one that is too long stays
 * so: whoever takes them in must look.
 *
 * @example
 * foreignPath('Work/Servers', 'My DB (prod)') // 'Work/Servers/My DB (prod)'
 * foreignPath('', 'https://example.com/*') // 'https:__example.com__'
 */
export function foreignPath(folder: string, name: string): string {
  return [...segmentsOf(folder), segmentOf(name.replaceAll('/', '_')) || '_'].join('/')
}

/** The path of another program's path: `/team+x/db/` is `team_x/db`. Of one without any name it is `_`. */
export function foreignPathOf(path: string): string {
  return segmentsOf(path).join('/') || '_'
}

function segmentsOf(path: string): readonly string[] {
  if (path.length > foreignCharsMax) return [overlong]
  return path.split('/').map(segmentOf).filter(Boolean)
}

/** A file that puts a million secrets below one huge name must not have it normalised a million times. */
const foreignCharsMax = 16 * pathBytesMax
const overlong = '_'.repeat(pathBytesMax + 1)

function segmentOf(name: string): string {
  if (name.length > foreignCharsMax) return overlong
  const segment = name.normalize('NFC').trim().replace(refused, '_')
  return /^\.\.?$/.test(segment) ? '_'.repeat(segment.length) : segment
}

/** The prefix of an import as paths are joined to it: empty, or ending in "/". */
export function joinablePrefix(prefix: string): string {
  if (prefix === '') return ''
  return `${checkPath(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix, 'prefix')}/`
}

/** Why a path is none, without saying it: what stands where a path should may be something else. */
export function pathFault(path: string): string | undefined {
  try {
    checkPath(path)
    return undefined
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    if (error.code === 'TOO_LARGE') return error.message
    return `path: ${error.message.slice(error.message.lastIndexOf(': expected ') + 2)}`
  }
}

/** How a row is called that a file knows by a path: so, where it is one, and else by its number, from 1. */
export function rowOf(path: string, number: number): string {
  return pathFault(path) === undefined ? path : `member ${number}`
}
