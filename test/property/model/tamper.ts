import fc from 'fast-check'
import {
  commitCount,
  type Store,
  type StoredCommit,
  type StoreOpener,
} from '../../../src/store/port.ts'

/** What somebody who can write to the disk does to a log. Rows are counted modulo those that there are. */
export type Tampering =
  | { readonly how: 'flip'; readonly row: number; readonly byte: number; readonly bit: number }
  | { readonly how: 'swap' | 'repeat'; readonly row: number; readonly other: number }
  | { readonly how: 'drop' | 'splice' | 'shorten' | 'lengthen'; readonly row: number }
  | { readonly how: 'cut' | 'repeat at the end'; readonly row: number }

const hows = (...names: readonly Tampering['how'][]) => fc.constantFrom(...names)

export const tampering = fc.oneof(
  fc.record({ how: hows('flip'), row: fc.nat(), byte: fc.nat(), bit: fc.nat(7) }),
  fc.record({ how: hows('swap', 'repeat'), row: fc.nat(), other: fc.nat() }),
  fc.record({
    how: hows('drop', 'splice', 'shorten', 'lengthen', 'cut', 'repeat at the end'),
    row: fc.nat(),
  }),
) as fc.Arbitrary<Tampering>

/** A row with the position behind it, which a damaged header no longer tells. */
interface Placed extends StoredCommit {
  readonly end: number
}

/** The store as it reads after the tampering; what is appended to it later is left alone. */
export async function tampered(
  opener: StoreOpener,
  tampering: Tampering,
  foreign: StoreOpener,
): Promise<StoreOpener> {
  const rows = placed(await rowsOf(opener))
  const changed = change(rows, tampering, await rowsOf(foreign))
  const size = rows.at(-1)?.end ?? 0
  return {
    create: () => opener.create(),
    open: async () => {
      const store = await opener.open()
      return { ...store, ...reading(store, { size, changed }) }
    },
  }
}

function reading(
  store: Store,
  { size, changed }: { size: number; changed: readonly Placed[] },
): Pick<Store, 'head' | 'read'> {
  const end = changed.at(-1)?.end ?? 0
  const isDense = changed.every(({ end }, i) => (changed[i + 1]?.first ?? end) === end)
  return {
    // A row that is missing inside, or at the end by itself, is a hole; rows that end earlier or later are another log.
    head: async () => (isDense && end !== size ? end : store.head()),
    async *read({ from, to = Number.POSITIVE_INFINITY }) {
      const appended: StoredCommit[] = []
      for await (const batch of store.read({ from: size })) appended.push(...batch)
      const all = [...changed, ...placed(appended)]
      yield all.filter(({ first, end }) => first < to && end > from)
    },
  }
}

function change(
  rows: readonly Placed[],
  tampering: Tampering,
  foreign: readonly StoredCommit[],
): readonly Placed[] {
  const at = tampering.row % rows.length
  const row = rows[at] as Placed
  const put = (place: number, sealed: Uint8Array) =>
    rows.map((one, i) => (i === place ? { ...one, sealed } : one))
  const another = (other: number) => {
    const place = (at + 1 + (other % (rows.length - 1))) % rows.length
    return { place, sealed: (rows[place] as Placed).sealed }
  }
  switch (tampering.how) {
    case 'flip':
      return put(at, flipped(row.sealed, tampering))
    case 'shorten':
      return put(at, row.sealed.subarray(0, -1))
    case 'lengthen':
      return put(at, Buffer.concat([row.sealed, Buffer.alloc(1)]))
    case 'splice':
      return put(at, (foreign[at % foreign.length] as StoredCommit).sealed)
    case 'repeat':
      return put(at, another(tampering.other).sealed)
    case 'swap': {
      const { place, sealed } = another(tampering.other)
      return put(at, sealed).map((one, i) => (i === place ? { ...one, sealed: row.sealed } : one))
    }
    case 'drop':
      return rows.filter((_, i) => i !== at)
    case 'cut':
      return rows.slice(0, at)
    case 'repeat at the end': {
      const first = rows.at(-1)?.end ?? 0
      return [...rows, { first, end: first + row.end - row.first, sealed: row.sealed }]
    }
  }
}

function flipped(sealed: Uint8Array, { byte, bit }: { byte: number; bit: number }): Uint8Array {
  const copy = Uint8Array.from(sealed)
  const at = byte % copy.length
  copy[at] = (copy[at] as number) ^ (1 << bit)
  return copy
}

function placed(rows: readonly StoredCommit[]): readonly Placed[] {
  return rows.map((row) => ({ ...row, end: row.first + commitCount(row.sealed) }))
}

async function rowsOf(opener: StoreOpener): Promise<readonly StoredCommit[]> {
  const store = await opener.open()
  const rows: StoredCommit[] = []
  for await (const batch of store.read({ from: 0 })) rows.push(...batch)
  await store.close()
  return rows
}
