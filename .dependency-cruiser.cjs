/**
 * What may import what: one table for our own folders, one for the packages that only some of them may touch.
 * `npm run check:layers` holds both; `test/unit/layers.test.ts` sees every rule below go red once.
 */

const base = ['errors', 'limits', 'breather', 'defined', 'ongoing', 'secret']
const core = [
  ...base,
  'events',
  'crypto',
  'store',
  'keys',
  'proofs',
  'projections',
  'log',
  'access',
  'decide',
  'reports',
]

/**
 * A layer is a folder or a file directly under `src`. It may import itself and what its row names;
 * `types of x` admits `import type` only. A folder without a row is refused, so it begins with one here.
 */
const layers = {
  errors: [],
  limits: [],
  breather: [],
  defined: [],
  ongoing: ['errors'],
  secret: ['errors'],
  events: base,
  crypto: base,
  store: base,
  keys: [...base, 'crypto'],
  proofs: [...base, 'events', 'crypto'],
  projections: [...base, 'events', 'crypto', 'types of store'],
  log: [...base, 'events', 'crypto', 'keys', 'proofs', 'store'],
  access: [...base, 'events', 'projections'],
  decide: [...base, 'events', 'projections', 'access'],
  reports: [...base, 'events', 'projections', 'proofs', 'access'],
  transfer: [...base, 'events', 'crypto', 'keys'],
  vault: [...core, 'transfer'],
  index: [...core, 'transfer', 'vault'],
  testing: [...core, 'transfer', 'vault'],
  verify: [...base, 'events', 'crypto', 'proofs', 'reports'],
  http: ['index', 'breather'],
  server: ['index', 'http'],
  client: [...base, 'types of index'],
  cli: ['index', 'verify', 'server', 'client'],
}

/** Where alone a package may be imported. A package without a row is free. */
const packages = {
  level: '^src/store/level',
  argon2: '^src/crypto/kdf\\.ts$',
  rxjs: '^src/(log|projections|vault)/',
  msgpackr: '^src/(events|keys|log|projections)/',
  'shamir-secret-sharing': '^src/keys/shares\\.ts$',
  commander: '^src/cli/',
  'csv-stringify': '^src/reports/formats/',
  pdfkit: '^src/reports/formats/',
  yazl: '^src/reports/evidence/',
  fastify: '^src/(http/|server\\.ts$)',
  typebox: '^src/(http/|server\\.ts$)',
  'prom-client': '^src/(http/operations/|cli/serve/)',
  pino: '^src/cli/serve/',
  '@opentelemetry/api': '^src/http/operations/',
}

const layerPath = (name) => `^src/${name}(/|\\.ts$)`
const packagePath = (name) => `(^|/)node_modules/${name}/`

function layerRules([name, row]) {
  const types = row.filter((entry) => entry.startsWith('types of ')).map((entry) => entry.slice(9))
  const modules = row.filter((entry) => !entry.startsWith('types of '))
  const from = { path: layerPath(name) }
  const comment = `${name} imports of ours: ${row.join(', ') || 'nothing'}`
  const strangers = { path: '^src/', pathNot: [name, ...modules, ...types].map(layerPath) }
  const rules = [{ name: `layer-${name}`, comment, from, to: strangers }]
  if (types.length === 0) return rules
  const values = { path: types.map(layerPath), dependencyTypesNot: ['type-only', 'type-import'] }
  return [...rules, { name: `layer-${name}-types`, comment, from, to: values }]
}

const packageRules = Object.entries(packages).map(([name, where]) => ({
  name: `package-${name}`,
  comment: `${name} is imported in ${where} alone`,
  from: { path: '^src/', pathNot: where },
  to: { path: packagePath(name) },
}))

const generalRules = [
  {
    name: 'no-cycle',
    comment: 'imports go one way; a cycle of types counts',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-orphan',
    comment: 'a module that imports nothing and that nothing imports is dead',
    from: { orphan: true, path: '^src/' },
    to: {},
  },
  {
    name: 'no-stranger',
    comment: 'every module belongs to a layer: give its folder a row in the table',
    from: { path: '^src/', pathNot: Object.keys(layers).map(layerPath) },
    to: {},
  },
  {
    name: 'no-unresolved',
    comment: 'an import that cannot be followed cannot be checked',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-undeclared',
    comment: 'the published package brings nothing but its own dependencies',
    from: { path: '^src/' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
  },
  {
    name: 'decide-is-pure',
    comment: 'clock, randomness and I/O come in from the edge',
    from: { path: layerPath('decide') },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'verify-is-not-native',
    comment: 'whoever checks a proof needs neither a compiler nor a prebuilt binary',
    from: { path: layerPath('verify') },
    to: { path: ['level', 'argon2'].map(packagePath), reachable: true },
  },
]

module.exports = {
  forbidden: [...Object.entries(layers).flatMap(layerRules), ...packageRules, ...generalRules].map(
    (rule) => ({ severity: 'error', ...rule }),
  ),
  options: {
    doNotFollow: { path: 'node_modules' },
    // An import of a type counts.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
}
