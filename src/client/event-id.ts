import { hexOf } from './hex.ts'

/**
 * A UUID of version 7 for an event that is yet to be appended (RFC 9562 §5.7): whoever sends a change with one may send
 * it again without doing it twice.
 *
 * @example
 * const id = eventId()
 * await vault.write('prod/db/password', 'hunter2', { id })
 *
 * @param now milliseconds since the epoch, by the clock of the vault; by that of this machine unless said
 */
export function eventId(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const view = new DataView(bytes.buffer)
  const time = Math.floor(now)
  view.setUint16(0, Math.floor(time / 2 ** 32))
  view.setUint32(2, time % 2 ** 32)
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return hexOf(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
