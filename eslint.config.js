import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist', 'docs/api', 'coverage', 'bench/node_modules', '**/*.cjs', '**/*.mjs', '**/*.js'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidOperator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/unified-signatures': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-console': 'off',
    },
  },
  {
    files: ['test/**'],
    ignores: ['test/support/fast-check.ts'],
    rules: {
      // There its seed is fixed.
      'no-restricted-imports': ['error', { name: 'fast-check', message: 'import fc from test/support/fast-check.ts' }],
    },
  },
  {
    // What time it is comes from the Clock port alone; where its `now()` is called, test/architecture/clocks.test.ts says with the reason.
    files: ['src/**'],
    ignores: ['src/ports/clock.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'MemberExpression[object.name=/^(Date|performance)$/][property.name="now"]', message: 'Ask the Clock port.' },
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Ask the Clock port.' },
        { selector: 'CallExpression[callee.name="Date"]', message: 'Ask the Clock port.' },
      ],
    },
  },
  {
    files: ['test/**', 'examples/**', 'scripts/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // What node:test returns is awaited by node:test.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] }] },
      ],
      'max-lines': 'off',
    },
  },
)
