import type { WrittenFile } from './covered.ts'

/**
 * The list of files, as `sha256sum -c` takes it, in the order of their names:
 *
 * SHA256SUMS := (hex(32) "  " name "\n")+
 */
export function sumsOf(files: readonly WrittenFile[]): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('')
}
