import { equalBytes } from '../../crypto/hash.ts'
import { type Xaes, xaes } from '../../crypto/xaes.ts'
import { keyIdName, keyIdOf } from '../../keys/box.ts'
import { openKeyRow } from '../../keys/key-row.ts'
import type { KeyRow } from '../../store/port.ts'
import type { Holes } from './holes.ts'
import { integrityOf } from './integrity.ts'
import type { LentKeys } from './lent-keys.ts'
import type { Problems } from './problem.ts'
import type { HeldVersion } from './secrets.ts'

export interface KeyRowsCheck {
  rows(rows: readonly KeyRow[]): void
  /** The store did not give all of them, and says why. */
  lose(fault: string): void
  /** Holds the keys that stand in the store against the versions that the log knows. */
  end(versions: ReadonlyMap<string, HeldVersion>, holes: Holes): void
  erase(): void
}

/** Opens every key row and remembers whose keys they are, never the keys. */
export function checkKeyRows({ vaultId, owned }: LentKeys, problems: Problems): KeyRowsCheck {
  const wrappings: ReadonlyMap<number, Xaes> = new Map(
    owned?.wraps.map(({ epoch, key }) => [epoch, xaes(key)]),
  )
  /** The commit that a key lies with, by the key's name. */
  const standing = new Map<string, number>()
  /** Commits of which a row did not open: which keys are gone with it nobody can tell. */
  const lost = new Set<number>()
  let isWhole = true

  const add = ({ id, bytes }: KeyRow) => {
    for (const { keyId, valueKey } of openKeyRow(wrappings, { vaultId, ...id }, bytes)) {
      const isNamed = equalBytes(keyIdOf(valueKey), keyId)
      valueKey.fill(0)
      if (!isNamed) {
        problems.add(
          'key-row',
          `a key of the commit at ${id.first} is another than its id`,
          id.first,
        )
      }
      const name = keyIdName(keyId)
      if (standing.has(name)) {
        problems.add('key-stray', `a key of the commit at ${id.first} stands there twice`, id.first)
      }
      standing.set(name, id.first)
    }
  }
  const compare = (name: string, { position, first, state }: HeldVersion) => {
    const found = standing.get(name)
    standing.delete(name)
    if (state === 'destroyed') {
      if (found === undefined) return
      problems.add('key-back', `the destroyed key of the version at ${position} is back`, position)
    } else if (found === undefined) {
      if (!isWhole || lost.has(first)) return
      problems.add('key-missing', `the key of the version at ${position} is missing`, position)
    } else if (found !== first) {
      problems.add(
        'key-stray',
        `the key of the version at ${position} lies with the commit at ${found}, expected ${first}`,
        position,
      )
    }
  }

  return {
    rows: (rows) => {
      for (const row of rows) {
        try {
          add(row)
        } catch (error) {
          const { message } = integrityOf(error)
          lost.add(row.id.first)
          problems.add('key-row', message, row.id.first)
        }
      }
    },
    lose: (fault) => {
      isWhole = false
      problems.add('key-row', fault)
    },
    end: (versions, holes) => {
      if (owned === undefined) return
      for (const [name, version] of versions) {
        // What a hole hides may have destroyed it.
        const isKnown = holes.count === 0 || version.state === 'destroyed' || standing.has(name)
        if (isKnown) compare(name, version)
      }
      if (holes.count > 0) return
      for (const first of standing.values()) {
        problems.add('key-stray', `a key of the commit at ${first} is of no version`, first)
      }
    },
    erase: () => {
      for (const wrapping of wrappings.values()) wrapping.erase()
    },
  }
}
