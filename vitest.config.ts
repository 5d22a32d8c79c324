import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/.venv/**'],
    globalSetup: ['./test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A second, the default, is less than a busy machine takes for what costs it milliseconds.
    expect: { poll: { timeout: 20_000 } },
    // Each file brings real stores or a model; two at a time is what two cores carry.
    maxWorkers: 2,
    pool: 'forks',
  },
});
