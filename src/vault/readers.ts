import type { SecretValue } from '../secret/value.ts'
import type { AuditEvent, AuditFollow, AuditPage, AuditQuery } from './audit.ts'
import type { CallOptions } from './call.ts'
import type { SecretInfo, VersionInfo } from './info.ts'
import type { HistoryOptions, ListOptions, SecretPage } from './inspect.ts'
import type { ReadOptions } from './read.ts'
import type { WatchOptions } from './watch.ts'

/** What a service needs that only reads. */
export interface SecretReader {
  read(path: string, options?: ReadOptions): Promise<SecretValue>
  watch(path: string, options?: WatchOptions): AsyncGenerator<SecretValue, void, void>
  exists(path: string, options?: CallOptions): Promise<boolean>
}

/** What is known of secrets besides their values: now, as of a moment, or in a backup. */
export interface SecretInspector {
  exists(path: string, options?: CallOptions): Promise<boolean>
  list(prefix?: string, options?: ListOptions): Promise<SecretPage>
  describe(path: string, options?: CallOptions): Promise<SecretInfo>
  history(path: string, options?: HistoryOptions): Promise<readonly VersionInfo[]>
}

/**
 * The audit trail of a vault: everything that was done with it, refusals included. Where the vault records inspections,
 * the beginning of a query or of a follow is an event too, `audit.read`.
 */
export interface AuditReader {
  /**
   * Pages of events, of the log as it was when the query began. Throws `INVALID`.
   *
   * @example
   * for await (const { events } of vault.audit.query({ subject: 'prod/**', outcome: 'denied' })) show(events)
   */
  query(query?: AuditQuery): AsyncGenerator<AuditPage, void, void>
  /**
   * Events from a position on, then each as it lands: it goes on where `after` says, without gap or duplicate. Throws
   * `INVALID` where that is beyond the log, as after an older backup was put back.
   */
  follow(query?: AuditFollow): AsyncGenerator<AuditEvent, void, void>
}
