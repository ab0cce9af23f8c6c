/** Which parts may know of which: docs/ARCHITECTURE.md, "Layout". Imports run one way. */

/** Each library, and the other libraries that it may import. */
const LIBRARIES = {
  kernel: ['contracts'],
  contracts: [],
  lifecycle: ['kernel'],
  alerts: [],
  pki: ['kernel'],
  nats: ['kernel'],
  collectors: ['kernel', 'contracts', 'nats'],
  bundle: ['kernel', 'contracts', 'collectors'],
  policy: ['kernel', 'contracts'],
  health: [],
  model: ['kernel', 'contracts', 'lifecycle', 'alerts'],
};

const libraryRules = Object.entries(LIBRARIES).map(([name, allowed]) => ({
  name: `libs-${name}`,
  comment: `libs/${name} may import ${allowed.length > 0 ? allowed.map((one) => `libs/${one}`).join(', ') : 'no other library'}.`,
  severity: 'error',
  from: { path: `^libs/${name}/` },
  to: { path: '^libs/', pathNot: `^libs/(?:${[name, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...libraryRules,
    {
      name: 'libs-are-declared',
      comment: 'A new library has to say in .dependency-cruiser.cjs what it imports.',
      severity: 'error',
      from: { path: '^(?:src|libs)/' },
      to: { path: '^libs/', pathNot: `^libs/(?:${Object.keys(LIBRARIES).join('|')})/` },
    },
    {
      name: 'kernel-imports-types-only',
      comment: 'libs/kernel may know the types of libs/contracts, not its values.',
      severity: 'error',
      from: { path: '^libs/kernel/' },
      to: { path: '^libs/contracts/', dependencyTypesNot: ['type-only', 'type-import'] },
    },
    {
      name: 'libs-know-nothing-above',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(?:src|migrations|agent|cli|web|test|lab|demo|bench|soak)/' },
    },
    {
      name: 'libs-are-plain-typescript',
      comment: 'No framework, no database, no process. Only libs/model knows the ORM.',
      severity: 'error',
      from: { path: '^libs/', pathNot: '\\.spec\\.ts$' },
      to: { path: '(?:^|/)node_modules/(?:@nestjs|fastify|@fastify|bullmq|pg|pino)(?:/|$)' },
    },
    {
      name: 'only-model-knows-the-orm',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/model/' },
      to: { path: '(?:^|/)node_modules/@mikro-orm/' },
    },
    {
      name: 'libs-by-index',
      comment: 'A library is reached by its index, as #libs/<name>.',
      severity: 'error',
      from: { path: '^(libs|src|migrations|test|lab|demo|bench|soak)/([^/]+)/' },
      to: { path: '^libs/', pathNot: ['^libs/[^/]+/index\\.ts$', '^$1/$2/'] },
    },
    {
      name: 'features-by-index',
      comment: 'A feature reaches another one by its index.ts.',
      severity: 'error',
      from: { path: '^src/(?!platform/)([^/]+)/' },
      to: { path: '^src/(?!platform/)[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'features-reach-platform-by-index',
      comment: 'A feature reaches a folder of the platform by its index.ts.',
      severity: 'error',
      from: { path: '^src/(?!platform/)' },
      to: { path: '^src/platform/[^/]+/', pathNot: '^src/platform/[^/]+/index\\.ts$' },
    },
    {
      name: 'app-reaches-features-by-index',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/(?!platform/)[^/]+/', pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'platform-knows-no-feature',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(?!platform/)' },
    },
    {
      name: 'migrations-stand-alone',
      comment: 'A migration does what it did when it was written, whatever the code has become.',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^(?:src|libs)/' },
    },
    {
      name: 'other-workspaces-know-the-wire-only',
      severity: 'error',
      from: { path: '^(?:agent|cli|web)/' },
      to: { path: '^(?:src|libs|lab)/', pathNot: '^libs/contracts/index\\.ts$' },
    },
    {
      name: 'agent-stands-alone',
      comment: 'The agent is one file: nobody imports it, and it has what it needs by its own package.json.',
      severity: 'error',
      from: { path: '^(?:src|libs|migrations|lab|demo|bench|soak)/' },
      to: { path: '^agent/' },
    },
    {
      name: 'not-to-dev-dependencies',
      comment: 'What runs in production is a dependency, not a devDependency.',
      severity: 'error',
      from: { path: '^(?:src|libs|migrations)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only', 'type-import'] },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'not-to-spec',
      severity: 'error',
      from: { pathNot: '\\.spec\\.ts$' },
      to: { path: '\\.spec\\.ts$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count too: what only the types of a part know is known all the same.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { conditionNames: ['types', 'import', 'default', 'node'], exportsFields: ['exports'], mainFields: ['module', 'main', 'types'] },
  },
};
