/**
 * The same memory as Node's `Buffer`, where there is one, and as it is in a browser, which has none. The memory is shared with
 * no other buffer of the process: it is for whoever gives it to hand over all of it.
 */
export function ownBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  if (typeof Buffer === 'undefined') return bytes as Buffer
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
