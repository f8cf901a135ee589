import { isIPv4, isIPv6 } from 'node:net'

/** What is kept of an address that is none, of which a caller can make up any number, of any length. */
const charactersMax = 128

/**
 * Whom failures of an address are counted for: of IPv4 the address; of IPv6 the network of 64 bits, as one host has all of
 * its addresses at hand; of anything else its beginning.
 *
 * @example
 * sourceGroup('2001:db8::7') // '2001:db8:0:0::/64'
 */
export function sourceGroup(source: string): string {
  const [address = '', ...zone] = source.split('%')
  if (!isIPv6(address)) return source.slice(0, charactersMax).toWellFormed()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  const network = groupsOf(address).slice(0, 4).join(':')
  return `${network}::/64${zone.length > 0 ? `%${zone.join('%')}` : ''}`.slice(0, charactersMax)
}

/** The eight groups of an address, without leading zeros (RFC 4291 §2.2). */
function groupsOf(address: string): readonly string[] {
  const [before = '', after] = address.toLowerCase().split('::')
  const head = groups(before)
  const tail = groups(after ?? '')
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail]
}

/** An IPv4 address at the end stands for two groups. */
function groups(text: string): readonly string[] {
  if (text === '') return []
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['0', '0'] : [group.replace(/^0+(?=.)/, '')]))
}
