import { defineConfig } from 'vitest/config';

/** Tests that get a database of their own. */
const withDatabase = [
  'test/store/*.test.ts',
  'test/engine/**/*.test.ts',
  'test/operations/**/*.test.ts',
  'test/mcp/**/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/http/**/*.test.ts',
  'test/page/**/*.test.ts',
  'test/connectors/sql-*.test.ts',
  'test/flows/steps/sql-*.test.ts',
  'test/examples/cookbook-jobs.test.ts',
];
// Loading the modules anew for each file takes longer than most of the tests.
const everywhere = { testTimeout: 30_000, hookTimeout: 60_000, isolate: false };

export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...everywhere,
          name: 'plain',
          include: ['test/**/*.test.ts'],
          exclude: [...withDatabase, 'test/long/**'],
        },
      },
      {
        test: {
          ...everywhere,
          name: 'database',
          include: withDatabase,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
