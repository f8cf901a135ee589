/** Which of the server's languages a request speaks: the wire of Vault, or the vault's own API and what stands beside it. */
export type Surface = 'wire' | 'api'

const ofApi: readonly string[] = ['api', 'docs', 'openapi.json', 'metrics', 'health']

/** By the first segment of the path; what is neither's is answered as the wire answers. */
export function surfaceOf(url: string | undefined): Surface {
  const [, first = ''] = /^\/([^/?#]*)/.exec(url ?? '') ?? []
  return ofApi.includes(first) ? 'api' : 'wire'
}
