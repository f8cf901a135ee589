import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const faces = {
  sans: 'DejaVuSansCondensed.ttf',
  bold: 'DejaVuSansCondensed-Bold.ttf',
  mono: 'DejaVuSansMono.ttf',
} as const

export type Face = keyof typeof faces

export const faceNames = ['sans', 'bold', 'mono'] as const satisfies readonly Face[]

const require = createRequire(import.meta.url)

/** The fonts of a PDF, which are put into it as far as it uses them: it looks the same wherever it is read. */
export async function readFonts(): Promise<Record<Face, Buffer>> {
  const folder = require.resolve('dejavu-fonts-ttf/package.json').replace(/package\.json$/, 'ttf/')
  const [sans, bold, mono] = await Promise.all(
    faceNames.map((face) => readFile(`${folder}${faces[face]}`)),
  )
  return { sans, bold, mono } as Record<Face, Buffer>
}
