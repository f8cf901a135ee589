import type { FastifyInstance } from 'fastify'
import { list, type RouteOptions, scan, update } from '../route.ts'
import { type Handler, handling } from './asked.ts'
import { readConfig, writeConfig } from './config.ts'
import { deleteData, patchData, readData, readSubkeys, writeData } from './data.ts'
import { listKeys, scanKeys } from './listing.ts'
import { deleteMetadata, patchMetadata, readMetadata, writeMetadata } from './metadata.ts'
import { deleteVersions, destroyVersions, undeleteVersions } from './versions.ts'

/** The secrets, as the KV v2 engine of Vault and of OpenBao has them, below `/v1/<mount>/`. */
export function kvRoutes(app: FastifyInstance, { mount }: RouteOptions): void {
  const route = (method: string | string[], path: string, handler: Handler) =>
    app.route({ method, url: `/v1/${mount}/${path}`, handler: handling(mount, handler) })

  route('GET', 'config', readConfig)
  route(update, 'config', writeConfig)

  route('GET', 'data/*', readData)
  route(update, 'data/*', writeData)
  route('PATCH', 'data/*', patchData)
  route('DELETE', 'data/*', deleteData)
  route('GET', 'subkeys/*', readSubkeys)

  route(update, 'delete/*', deleteVersions)
  route(update, 'undelete/*', undeleteVersions)
  route(update, 'destroy/*', destroyVersions)

  for (const path of ['metadata', 'metadata/*']) {
    route('GET', path, readMetadata)
    route(list, path, listKeys)
    route(scan, path, scanKeys)
  }
  route(update, 'metadata/*', writeMetadata)
  route('PATCH', 'metadata/*', patchMetadata)
  route('DELETE', 'metadata/*', deleteMetadata)
}
