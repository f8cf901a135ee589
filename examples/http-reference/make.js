import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import '../../bench/typescript.js'

/*
 * npm run reference
 *
 * Writes docs/http-reference.md, of the operations that the server has.
 */
const { groups } = await import('../../src/http/api/routes.ts')
const { openApiDocument } = await import('../../src/http/api/openapi/document.ts')
const { referenceOf } = await import('../../src/http/docs/reference.ts')
const { markdownOf } = await import('../../src/http/docs/markdown.ts')
const place = fileURLToPath(new URL('../../docs/http-reference.md', import.meta.url))

await writeFile(place, markdownOf(referenceOf(openApiDocument(groups))))
