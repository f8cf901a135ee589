// What the demo imports: the files beside this one, as secrets with a path, a value and what is known of it.
import { readFile } from 'node:fs/promises'

const dayMs = 24 * 60 * 60 * 1000

/** Which lines of `app.env` are secret, and under which path they go. The rest is plain configuration. */
const secretNames = {
  DATABASE_PASSWORD: { path: 'pay/db/password', type: 'database_password' },
  DATABASE_URL: { path: 'pay/db/url', type: 'database_password' },
  PAYMENT_API_KEY: { path: 'pay/api-key', type: 'api_key' },
  SESSION_SECRET: { path: 'pay/session', type: 'encryption_key' },
  OAUTH_REFRESH_TOKEN: {
    path: 'pay/oauth/refresh',
    type: 'oauth_token',
    // Its issuer let it live until yesterday, so that the demo can be refused it.
    expiresAt: new Date(Date.now() - dayMs),
  },
}

/** @returns what to write: `{ path, value, options }` for each secret. */
export async function readInputs() {
  const env = parseEnv(await text('app.env'))
  const fromEnv = Object.entries(secretNames).map(([name, { path, ...options }]) => ({
    path,
    value: env.get(name),
    options: { ...options, tags: { source: 'app.env' } },
  }))
  return [
    ...fromEnv,
    {
      path: 'pay/tls',
      value: { certificate: await text('web.crt.pem'), privateKey: await text('web.key.pem') },
      // No dates and no fingerprint: the vault reads both out of the certificate.
      options: { type: 'certificate', tags: { source: 'web.crt.pem' } },
    },
    {
      path: 'pay/deploy-key',
      value: await text('deploy_ed25519'),
      options: { type: 'ssh_key', tags: { source: 'deploy_ed25519' } },
    },
  ]
}

/** `NAME=value` lines: comments, `export`, both kinds of quotes, and `\n` within double ones. */
export function parseEnv(source) {
  const line = /^\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^#\n]*))/gm
  const values = new Map()
  for (const [, name, double, single, plain] of source.matchAll(line)) {
    const escaped = double?.replaceAll(/\\(.)/g, (_, code) => (code === 'n' ? '\n' : code))
    values.set(name, escaped ?? single ?? plain.trim())
  }
  return values
}

function text(name) {
  return readFile(new URL(name, import.meta.url), 'utf8')
}
