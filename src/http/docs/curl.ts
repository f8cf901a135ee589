import { exampleOf } from '../api/openapi/example.ts'
import { schemasAt } from '../api/openapi/json-schema.ts'
import type { OpenApiDocument, ParameterObject } from '../api/openapi/openapi-types.ts'
import type { PlacedOperation } from './placed-operation.ts'

/** The request as a shell would send it, with `$ADDR` and `$TOKEN` for what is the reader's own. */
export function curlOf(placed: PlacedOperation, document: OpenApiDocument): string {
  const { method, operation } = placed
  const { requestBody, security } = operation
  const body = requestBody?.content['application/json']?.example
  const isGet = method === 'GET'
  const isPost = method === 'POST' && body !== undefined
  // After `-X HEAD` curl would wait for a body.
  const verb = isGet || isPost ? '' : method === 'HEAD' ? ' -I' : ` -X ${method}`
  const parts = [
    `curl${verb} "$ADDR${urlOf(placed, document)}"`,
    ...(security.length > 0 ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...(body === undefined ? [] : [`-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`]),
  ]
  return parts.join(' \\\n  ')
}

function urlOf({ path, operation }: PlacedOperation, document: OpenApiDocument): string {
  const showing = {
    resolve: ($ref: string) => document.components.schemas[$ref.slice(schemasAt.length)] ?? {},
    members: 'few' as const,
  }
  const exampleFor = ({ name, schema }: ParameterObject) =>
    encodeURIComponent(String(exampleOf(schema, showing, name)))
  const own = (operation.parameters ?? []).filter((each) => 'name' in each)
  const filled = own
    .filter((each) => each.in === 'path')
    .reduce((url, each) => url.replace(`{${each.name}}`, exampleFor(each)), path)
  const asked = own
    .filter((each) => each.in === 'query' && each.required)
    .map((each) => `${each.name}=${exampleFor(each)}`)
  return asked.length === 0 ? filled : `${filled}?${asked.join('&')}`
}
