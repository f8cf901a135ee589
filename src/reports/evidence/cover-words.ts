import { escaped } from '../formats/html-text.ts'
import { counted } from '../formats/words.ts'
import type { Cover } from './covered.ts'

const byHand = `sha256sum -c SHA256SUMS        # every file is the one that is listed
sha256sum SHA256SUMS           # the "sums" in evidence.statement`

const byCommand = 'muniment report verify reports/*.manifest --key "$(cat pinned.key)"'

/** How somebody who trusts nobody here checks it. */
export function checkSection({ isSigned }: Pick<Cover, 'isSigned'>): string {
  const signed = isSigned
    ? 'The signature of the statement is that of a C2SP signed note, and OpenSSL checks it.'
    : 'The statement bears no signature: what it lists is the word of whoever made it. The checkpoint is signed.'
  return (
    '<section id="check"><h2>How to check it</h2><ol>' +
    '<li>Open <code>verifier.html</code>, the one that you kept from before or from a release of Muniment, and drop the zip or all of these files ' +
    'onto it. It works without a network.</li>' +
    `<li>Or with the command line of Muniment, and the verifier that you pinned:<pre><code>${escaped(byCommand)}</code></pre></li>` +
    `<li>Or by hand:<pre><code>${escaped(byHand)}</code></pre>${escaped(signed)}</li>` +
    '<li>Whoever holds the vault, or a backup of it and an auditor’s credential, makes each report again and compares every byte: ' +
    '<code>muniment report verify</code> without <code>--key</code>.</li></ol></section>\n'
  )
}

/** What no check of these files can show, said before somebody believes it. */
export function limitSection({ range, earlier, isSigned }: Cover): string {
  const before =
    range.from === 0
      ? []
      : [
          earlier === undefined
            ? `What happened before position ${range.from}: reports of a range begin there, and no checkpoint from before it came along.`
            : `What happened before position ${range.from}: reports of a range begin there. That the log of ${counted(earlier, 'event')} was not changed since is proved, if you compare earlier.checkpoint with the one that you kept.`,
        ]
  const limits = [
    ...(isSigned
      ? []
      : [
          'That an owner stands by it. An auditor made it; the log is proved by its signed checkpoint, and the rows are proved once they are made again.',
        ]),
    ...before,
    'That the operator’s clock was right. The order of events does not depend on it; their dates do.',
    'That what was recorded is true. An actor is what the host says it is; where it merely says so, reports call it claimed.',
    'That nobody read a value outside of the vault. Whoever holds an owner’s credential and the files can take the keys out of them, and leave no record.',
    'That the whole log was not put back to an earlier state before anybody outside had seen a checkpoint. Keep the file checkpoint of this evidence: the next one has to continue it.',
  ]
  return `<section id="limits"><h2>What this cannot show</h2><ul>${limits
    .map((limit) => `<li>${escaped(limit)}</li>`)
    .join('\n')}</ul></section>\n`
}
