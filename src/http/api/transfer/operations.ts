import { Type } from 'typebox'
import type { Export, TransferEntry } from '../../../index.ts'
import { begun } from '../begun.ts'
import { type Group, operation, Streamed } from '../operation.ts'
import { shownValue, value } from '../secrets/value.ts'
import { position, strict } from '../shapes/common.ts'
import { jsonLines, jsonLinesType } from '../streams.ts'

const time = (description: string) =>
  Type.Optional(Type.Integer({ description: `${description}, in milliseconds since the epoch.` }))

const entry = strict({
  path: Type.String(),
  meta: Type.Object({}, { description: 'What is known of it, as `describeSecret` names it.' }),
  versions: Type.Array(
    strict({
      value,
      expiresAt: time('When it can no longer be read'),
      notBefore: time('When it can first be read'),
    }),
    { description: 'Those that can be read, and those that have expired; oldest first.' },
  ),
})

const head = strict({
  vaultId: Type.String(),
  position: position('Of its event: what was written later is not in it.'),
  secrets: Type.Integer({ description: 'How many there were then.' }),
  versions: Type.Integer({ description: 'How many of theirs there were then.' }),
})

export const transferOperations: Group = {
  name: 'Transfer',
  description: 'Secrets on their way out, and copies of the whole vault.',
  operations: [
    operation({
      id: 'exportSecrets',
      method: 'GET',
      path: '/export',
      summary: 'Every live version of the secrets whose paths begin alike, with its value',
      description:
        'A line about the whole, one a secret in the order of paths, and at last how many there were: without that line it is not whole. It takes the right to `read` all of them, whichever there are.',
      right: 'read',
      query: strict({
        prefix: Type.Optional(Type.String({ description: 'All of them unless said.' })),
      }),
      answer: {
        [jsonLinesType]: Type.Union([
          strict({ export: head }),
          strict({ entry }),
          strict({ end: strict({ entries: Type.Integer() }) }),
        ]),
      },
      run: async ({ request, scope, query, call }) =>
        jsonLines(linesOf(await scope.export(query.prefix ?? '', call)), request.id),
    }),
    operation({
      id: 'backUp',
      method: 'GET',
      path: '/backup',
      summary: 'A copy of the log and of the keys, sealed as the vault is',
      description:
        'The file says by itself whether it is whole: `muniment verify --vault FILE` reads all of it. Its credentials are those of the vault.',
      right: 'keys',
      answer: {
        'application/octet-stream': Type.String({ description: 'The bytes of the file.' }),
      },
      run: async ({ scope, call }) => {
        const pieces = await begun(scope.backupBytes(call))
        return new Streamed('application/octet-stream', pieces, {
          'content-disposition': 'attachment; filename="vault.muna"',
        })
      },
    }),
  ],
}

async function* linesOf({ entries, ...about }: Export): AsyncGenerator<object, void, void> {
  yield { export: about }
  let count = 0
  for await (const each of entries) {
    yield { entry: shownEntry(each) }
    count++
  }
  yield { end: { entries: count } }
}

function shownEntry({ path, meta, versions }: TransferEntry): object {
  return {
    path,
    meta,
    versions: versions.map(({ value, ...dates }) => ({ value: shownValue(value), ...dates })),
  }
}
