// Who may import whom inside src/. One row per folder; a folder without a row fails. The picture is in docs/architecture.md.

/** Folder -> the folders it may import besides itself. */
const LAYERS = {
  domain: [],
  errors: ['domain'],
  ports: ['domain', 'errors'],
  kit: ['domain', 'errors', 'ports'],
  core: ['domain', 'errors', 'ports', 'kit', 'aggregation', 'storage', 'outputs'],
  aggregation: ['domain', 'errors', 'ports', 'kit'],
  storage: ['domain', 'errors', 'ports', 'kit'],
  outputs: ['domain', 'errors', 'ports', 'kit'],
  spool: ['domain', 'errors', 'ports', 'kit', 'storage'],
  recording: ['domain', 'errors', 'ports', 'kit'],
  logging: ['domain', 'errors', 'ports', 'kit'],
  process: ['domain', 'errors', 'ports', 'kit'],
  exchanges: ['domain', 'errors', 'core'], // of the core only the contract, see below
  manager: ['domain', 'errors', 'ports', 'kit', 'core', 'aggregation', 'storage', 'outputs', 'exchanges'],
  metrics: ['domain', 'errors', 'ports', 'kit', 'core', 'manager'],
  testing: ['domain', 'errors', 'ports', 'kit', 'core', 'aggregation', 'storage', 'outputs', 'exchanges', 'manager'],
}

/** What an exchange may know of the core: the contract it fulfils. Of the REST client only the types; the core does the fetching. */
const CONTRACT = '^src/core/(exchange-definition|frame|rest-client)\\.ts$'

const layerRules = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `layer-${folder}`,
  comment: `src/${folder} may import ${allowed.length === 0 ? 'nothing of ours' : `only ${allowed.join(', ')}`}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
}))

const only = (name, comment, to, from) => ({ name, comment, severity: 'error', from: { path: '^src/', pathNot: from }, to })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: 'layer-unlisted',
      comment: 'a new folder in src needs a row in LAYERS',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(LAYERS).join('|')})/` },
    },
    {
      name: 'exchanges-stay-apart',
      comment: 'an exchange folder never imports another, nor the registry',
      severity: 'error',
      from: { path: '^src/exchanges/([^/]+)/' },
      to: { path: '^src/exchanges/', pathNot: '^src/exchanges/$1/' },
    },
    {
      name: 'exchanges-know-the-contract',
      comment: 'of the core an exchange may import only the contract it fulfils',
      severity: 'error',
      from: { path: '^src/exchanges/[^/]+/' },
      to: { path: '^src/core/', pathNot: CONTRACT },
    },
    {
      name: 'exchanges-do-no-fetching',
      comment: 'of the REST client an exchange uses only the types',
      severity: 'error',
      from: { path: '^src/exchanges/' },
      to: { path: '^src/core/rest-client\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'entries-are-for-users',
      comment: 'nothing inside src imports a public entry',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'testing-is-for-tests',
      comment: 'only the testing entry ships src/testing',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/testing\\.ts$' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'recording-is-for-node',
      comment: 'only the node entry ships src/recording: it needs the file system',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/node\\.ts$' },
      to: { path: '^src/recording/' },
    },
    {
      name: 'process-is-for-node',
      comment: 'only the node entry ships src/process: it needs the signals',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(node\\.ts$|process/)' },
      to: { path: '^src/process/' },
    },
    {
      name: 'metrics-are-asked-for',
      comment: 'only the prometheus entry ships src/metrics: it needs prom-client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(prometheus\\.ts$|metrics/)' },
      to: { path: '^src/metrics/' },
    },
    {
      name: 'spool-is-for-node',
      comment: 'only the node entry ships src/spool: it needs the file system',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(node\\.ts$|spool/)' },
      to: { path: '^src/spool/' },
    },
    ...['sqlite', 'postgres', 'redis'].map((name) => ({
      name: `${name}-is-asked-for`,
      comment: `only the ${name} entry ships its adapter: it needs an optional package`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${name}\\.ts$|(storage|outputs)/${name}/)` },
      to: { path: `^src/(storage|outputs)/${name}/` },
    })),
    {
      name: 'sql-is-asked-for',
      comment: 'what the SQL adapters share needs kysely',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/storage/(sql|sqlite|postgres)/' },
      to: { path: '^src/storage/sql/' },
    },
    {
      name: 'logging-is-for-pino',
      comment: 'only the pino entry ships src/logging: it needs the file system and optional packages',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/pino\\.ts$' },
      to: { path: '^src/logging/' },
    },
    only('door-socket', 'sockets come from ports/socket.ts', { path: 'node_modules/isomorphic-ws/' }, '^src/ports/socket\\.ts$'),
    only(
      'door-decimal',
      'decimal.js comes from domain/decimal.ts',
      { path: 'node_modules/decimal\\.js/' },
      '^src/domain/decimal\\.ts$',
    ),
    only('door-prom-client', 'prom-client is a peer of metrics alone', { path: 'node_modules/prom-client/' }, '^src/metrics/'),
    only(
      'door-pino',
      'pino and its files are peers of logging alone',
      { path: 'node_modules/(pino|rotating-file-stream)/' },
      '^src/logging/',
    ),
    only(
      'door-kysely',
      'SQL is built in the SQL adapters',
      { path: 'node_modules/kysely/' },
      '^src/storage/(sql|sqlite|postgres)/',
    ),
    only(
      'door-sqlite',
      'better-sqlite3 is a peer of its adapter',
      { path: 'node_modules/better-sqlite3/' },
      '^src/storage/sqlite/',
    ),
    only('door-postgres', 'pg is a peer of its adapter', { path: 'node_modules/pg/' }, '^src/storage/postgres/'),
    only('door-redis', 'redis is a peer of its adapter', { path: 'node_modules/(redis|@redis)/' }, '^src/outputs/redis/'),
    only('door-ws', 'a WebSocket server exists only in testing', { path: 'node_modules/(@types/)?ws/' }, '^src/testing/'),
    only(
      'door-node',
      'everything but testing, recording, process, logging, the spool and the adapters runs in a browser',
      { dependencyTypes: ['core'] },
      '^src/(testing|recording|process|logging|spool|storage/sqlite|storage/postgres|outputs/redis)/',
    ),
    only(
      'no-dev-dependency',
      'what ships may import dependencies and peers only',
      // A peer is a development dependency too: the tests need it.
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
      '^$',
    ),
    { name: 'no-cycle', comment: 'also not through types', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Keeps imports that TypeScript erases: a type-only import is a dependency too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
