/** Runs one step of the life cycle in a process of its own, prints its outcome as JSON and stays until it is killed. */
import { findShipped, makeReady } from '../../../src/store/embedded/binaries.ts';
import {
  ensureEmbeddedPostgres,
  stopEmbeddedPostgres,
} from '../../../src/store/embedded/embedded-postgres.ts';

const steps = {
  ensure: (home: string) => ensureEmbeddedPostgres({ home }),
  stop: (home: string) => stopEmbeddedPostgres(home),
  'make-ready': (folder: string, base: string) => makeReady({ ...findShipped(), folder }, base, undefined),
};

const [step, first = '', second = ''] = process.argv.slice(2);
process.stdout.write('loaded\n');
process.stdin.once('data', async () => {
  const outcome = await steps[step as keyof typeof steps](first, second).catch((error) => ({
    code: error.code,
    message: error.message,
  }));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
});
