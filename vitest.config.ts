import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Loading the modules anew for each file takes longer than most of the tests.
    isolate: false,
    expect: { poll: { timeout: 10_000 } },
  },
});
