import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../../index.ts'
import { answer } from '../reply.ts'
import type { Served } from '../served.ts'
import { permissionDenied, WireError } from '../wire-error.ts'

interface Mount {
  readonly path: string
  readonly type: string
  readonly description: string
  readonly version?: string
}

function secretMounts(mount: string): readonly Mount[] {
  return [
    { path: `${mount}/`, type: 'kv', description: 'the secrets of this vault', version: '2' },
    { path: 'sys/', type: 'system', description: 'the vault itself' },
  ]
}

const authMounts: readonly Mount[] = [
  { path: 'approle/', type: 'approle', description: 'logins of applications' },
  { path: 'token/', type: 'token', description: 'tokens' },
]

/** `GET sys/mounts` and `GET sys/auth`, for whoever has a token. */
export function listMounts(
  served: Served,
  reply: FastifyReply,
  kind: { readonly mount: string } | 'auth',
): FastifyReply {
  const mounts = kind === 'auth' ? authMounts : secretMounts(kind.mount)
  return answer(reply, byPath(served, mounts), { mountType: 'system', injected: true })
}

/** `GET sys/internal/ui/mounts`: both tables in one. */
export function listUiMounts(served: Served, reply: FastifyReply, mount: string): FastifyReply {
  const data = { auth: byPath(served, authMounts), secret: byPath(served, secretMounts(mount)) }
  return answer(reply, data, { mountType: 'system' })
}

/**
 * `GET sys/internal/ui/mounts/:path`: in which mount a path is, which clients ask before they touch a secret. Where there
 * is none it is refused as a caller without rights is.
 */
export function findUiMount(
  served: Served,
  { request, reply, mount }: { request: FastifyRequest; reply: FastifyReply; mount: string },
): FastifyReply {
  const { '*': asked = '' } = request.params as { readonly '*'?: string }
  const path = asked.endsWith('/') ? asked : `${asked}/`
  const all = [
    ...secretMounts(mount),
    ...authMounts.map((each) => ({ ...each, path: `auth/${each.path}` })),
  ]
  const found = all.find((each) => path.startsWith(each.path))
  if (found === undefined) throw new WireError(403, [permissionDenied])
  return answer(reply, { ...shapeOf(served, found), path: found.path }, { mountType: 'system' })
}

function byPath(served: Served, mounts: readonly Mount[]): object {
  return Object.fromEntries(mounts.map((mount) => [mount.path, shapeOf(served, mount)]))
}

function shapeOf(served: Served, { path, type, description, version }: Mount): object {
  const vault = served.vault().identity()
  return {
    accessor: `${type}_${idOf(vault, path).slice(0, 8)}`,
    config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 },
    deprecation_status: 'supported',
    description,
    external_entropy_access: false,
    local: false,
    // The version is a string: clients compare it with one.
    options: version === undefined ? null : { version },
    plugin_version: '',
    running_plugin_version: '',
    running_sha256: '',
    seal_wrap: false,
    type,
    uuid: uuidOf(vault, path),
  }
}

/** A mount keeps its id, and two vaults have different ones. */
function idOf({ id }: Identity, path: string): string {
  return createHash('sha256').update(`${id}/${path}`).digest('hex')
}

function uuidOf(vault: Identity, path: string): string {
  const hex = idOf(vault, path)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-')
}
