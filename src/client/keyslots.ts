import { VaultError } from '../errors.ts'
import type { ControlledVault, Credential, Keyslot } from '../index.ts'
import { at } from './at.ts'
import { base64Of } from './base64.ts'
import { callAnd } from './call.ts'
import { dated } from './dated.ts'
import { expectText } from './expected.ts'
import type { Server } from './server.ts'

/** How a keyslot's key is made, with what is public of it. */
export type SlotKdf = ReturnType<Credential['newKdf']>

/**
 * The ways to open a vault. The key of a new one is made here: what it is made of goes nowhere. The key itself is sent, so
 * over TLS or to a loopback address only.
 */
export function keyslots(server: Server): ControlledVault['keyslots'] {
  return {
    list: async (call = {}) =>
      server.json(
        { path: '/keyslots', call },
        ({ keyslots }: { readonly keyslots: readonly object[] }) => keyslots.map(keyslotOf),
      ),
    add: async (credential, options = {}) => {
      const { call, rest } = callAnd(options)
      const body = { credential: await sentCredential(credential), ...rest }
      return server.json({ method: 'POST', path: '/keyslots', body, call }, keyslotOf)
    },
    addRecovery: async (options = {}) => {
      const { call, rest: body } = callAnd(options)
      return server.json(
        { method: 'POST', path: '/keyslots/recovery', body, call },
        ({ text, ...said }: { readonly text: string }) => ({
          ...keyslotOf(said),
          text: expectText(text),
        }),
      )
    },
    replace: async (id, credential, options = {}) => {
      const {
        call,
        rest: { label },
      } = callAnd(options)
      const body = { credential: await sentCredential(credential), label }
      return server.json({ method: 'PUT', path: at`/keyslots/${id}`, body, call }, keyslotOf)
    },
    remove: async (id, call = {}) =>
      server.done({ method: 'DELETE', path: at`/keyslots/${id}`, call }),
  }
}

function keyslotOf(said: object): Keyslot {
  return dated<Keyslot>(said, ['createdAt'])
}

async function sentCredential(credential: Credential): Promise<object> {
  const kdf = credential.newKdf()
  return { kdf: sentKdf(kdf), key: await sentKey(credential, kdf) }
}

/** The key that a credential makes, as it is sent. */
export async function sentKey(credential: Pick<Credential, 'key'>, kdf: SlotKdf): Promise<string> {
  const key = await credential.key({ kdf })
  try {
    return base64Of(key)
  } finally {
    key.fill(0)
  }
}

function sentKdf(kdf: SlotKdf): object {
  if (kdf.kdf === 'none') {
    throw new VaultError('UNSUPPORTED', 'a keyslot of kind none protects nothing: it is for tests')
  }
  return 'salt' in kdf ? { ...kdf, salt: base64Of(kdf.salt) } : kdf
}
