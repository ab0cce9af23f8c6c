import tseslint from 'typescript-eslint';

const ENVIRONMENT = {
  object: 'process',
  property: 'env',
  message: 'Only src/platform/config knows the environment. Take Config.',
};

/** Ways to the database that leave out the scope, and with it row-level security. */
const UNSCOPED = ['getKysely', 'getConnection'].map((method) => ({
  selector: `CallExpression[callee.property.name="${method}"]`,
  message: `${method}() sees no rows outside of a transaction, or everybody's inside of one. Use Database.em or Database.transaction.`,
}));

const CLOCK_AND_CHANCE = [
  ['NewExpression[callee.name="Date"][arguments.length=0]', 'Take a Clock.'],
  ['MemberExpression[object.name="Date"][property.name="now"]', 'Take a Clock.'],
  ['MemberExpression[object.name="Math"][property.name="random"]', 'Take a Random.'],
  ['CallExpression[callee.name=/^random(Bytes|UUID|Int|FillSync)$/]', 'Take a Random.'],
].map(([selector, message]) => ({ selector, message: `A library has no time and no randomness of its own. ${message}` }));

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'coverage/', '.data/', '.cache/', 'test/client/schema.d.ts', '**/*.{js,cjs,mjs}'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // noUncheckedIndexedAccess makes `!` the way to say what a loop's bounds or a regular expression guarantee.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Nest handlers, fakes and interfaces promise by their types.
      '@typescript-eslint/require-await': 'off',
      // An assertion that narrows nothing is often there for the reader, or against the depth of the ORM's types.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // Number in a template is fine; an object in one is not.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-properties': ['error', ENVIRONMENT],
      'no-restricted-syntax': ['error', ...UNSCOPED],
    },
  },
  {
    files: ['libs/**/*.ts'],
    ignores: ['libs/kernel/clock.ts', 'libs/kernel/random.ts', '**/*.spec.ts'],
    rules: { 'no-restricted-syntax': ['error', ...UNSCOPED, ...CLOCK_AND_CHANCE] },
  },
  {
    // What stands around the service, and starts processes with environments of their own.
    files: ['src/main.ts', 'src/hub-config.ts', 'src/reencrypt.ts', 'src/audit-verify.ts', 'src/platform/config/**', 'src/platform/embedded/**', 'test/**', 'lab/**', 'demo/**', 'bench/**', 'soak/**', '**/*.spec.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // Where the scope is put around it.
    files: ['src/platform/database/connections.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**', 'lab/**', 'demo/**', 'bench/**', 'soak/**', '**/*.spec.ts'],
    rules: {
      'no-console': 'off',
      'no-restricted-syntax': 'off',
      // Jest's matchers and parsed answers are `any`; a wrong one fails the test.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
);
