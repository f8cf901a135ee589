import { createHash } from 'node:crypto'
import { style } from '../formats/html-style.ts'
import { escaped } from '../formats/html-text.ts'

/** One page that is whole in itself. */
export interface Shell {
  readonly title: string
  /** Beside the style that all pages share. */
  readonly style: string
  readonly body: string
  /** A module; none where the page does nothing. */
  readonly script?: string
}

/** A page that may be styled by exactly this style, run exactly this script, and do nothing else (CSP Level 3). */
export function htmlPage({ title, style: own, body, script }: Shell): string {
  const styles = `${style}${own}`
  const policy = [
    "default-src 'none'",
    ...(script === undefined ? [] : [`script-src '${hashOf(script)}'`]),
    `style-src '${hashOf(styles)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const scripts = script === undefined ? '' : `<script type="module">${script}</script>`
  return (
    '<!doctype html>\n<html lang="en" dir="ltr"><head><meta charset="utf-8">' +
    `<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">` +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    '<meta name="referrer" content="no-referrer">' +
    `<title>${escaped(title)}</title><style>${styles}</style></head>\n` +
    `<body>\n${body}${scripts}</body></html>\n`
  )
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
