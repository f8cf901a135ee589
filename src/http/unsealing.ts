import { randomUUID } from 'node:crypto'
import {
  addShare,
  type Credential,
  combineShares,
  recoveryKey,
  type Share,
  type ShareCount,
  VaultError,
} from '../index.ts'

/** Shares that belong together. */
export interface ShareSet extends ShareCount {
  /** As each of them says. */
  readonly setId: string
}

/** The shares of a vault as they come in one by one, each over a connection of its own. */
export class Unsealing {
  #held: readonly Share[] = []
  #nonce = ''

  get progress(): number {
    return this.#held.length
  }

  /** Names this attempt, from its first share on: '' before. */
  get nonce(): string {
    return this.#nonce
  }

  /** What the shares say of their set, from the first on. */
  get count(): ShareCount | undefined {
    return this.#held[0]
  }

  /**
   * Takes one text: of a share of any of these sets, or of a recovery key. The credential, where that is all it takes; one
   * that does not open is told by its use. Throws `INVALID`, `UNSUPPORTED`: what was held is held still, and given up where
   * the shares are enough and do not belong together.
   */
  async take(text: string, sets: readonly ShareSet[]): Promise<Credential | undefined> {
    const key = plainText(text)
    if (isRecovery(key)) return recoveryKey.parse(key)
    const [share] = addShare([], key)
    if (share === undefined || this.#isHeld(share)) return undefined
    // Held first, a stranger's share would keep those out that open.
    if (!sets.some((set) => isOf(set, share))) {
      throw new VaultError('INVALID', 'this share is of no set that opens the vault')
    }
    const held = addShare(this.#held, key)
    if (this.#held.length === 0) this.#nonce = randomUUID()
    this.#held = held
    if (held.length < share.threshold) return undefined
    try {
      return await combineShares(held)
    } finally {
      this.reset()
    }
  }

  reset(): void {
    for (const { point } of this.#held) point().fill(0)
    this.#held = []
    this.#nonce = ''
  }

  /** A share given again changes nothing: whoever sent it may not have heard the answer. */
  #isHeld(share: Share): boolean {
    return this.#held.some(
      ({ setId, point }) => setId === share.setId && Buffer.compare(point(), share.point()) === 0,
    )
  }
}

function isOf(set: ShareSet, { setId, threshold, of }: Share): boolean {
  return set.setId === setId && set.threshold === threshold && set.of === of
}

const textPrefix = /^MUNIMENT-(?:SHARE|RECOVERY)-/i

/** `keys_base64` has each text in Base64, and some clients show nothing else. */
function plainText(text: string): string {
  const trimmed = text.trim()
  if (textPrefix.test(trimmed)) return trimmed
  const decoded = Buffer.from(trimmed, 'base64').toString('latin1')
  return textPrefix.test(decoded) ? decoded : trimmed
}

/** How many characters a recovery key has, without what people write between them. */
const recoveryCharacters = 56

function isRecovery(text: string): boolean {
  if (/^MUNIMENT-RECOVERY-/i.test(text)) return true
  return text.replace(/[\s-]/g, '').length === recoveryCharacters
}
