import { ownBuffer } from '../secret/own-buffer.ts'
import { expectText } from './expected.ts'

const piece = 0x8000

/** RFC 4648 §4, padded. */
export function base64Of(bytes: Uint8Array): string {
  let text = ''
  // A call takes so many arguments and no more.
  for (let at = 0; at < bytes.length; at += piece) {
    text += String.fromCharCode(...bytes.subarray(at, at + piece))
  }
  return btoa(text)
}

/** Bytes as the library gives them; in a browser, which has no `Buffer`, a `Uint8Array`. */
export function bytesFrom(base64: string): Buffer {
  const text = atob(expectText(base64))
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return ownBuffer(bytes)
}
