import type * as assembling from '../src/assemble.ts';
import type * as configuring from '../src/config.ts';
import type * as logging from '../src/log.ts';
import type * as starting from '../src/operations/start-batch.ts';
import type * as jobs from '../src/store/jobs.ts';

/** The built server. */
export const mainFile = new URL('../dist/main.js', import.meta.url);

/**
 * Sluice as it runs for its users: from dist/, since what runs TypeScript directly adds calls to the
 * code that slow it down.
 */
export async function loadBuilt() {
  const { assemble } = await load<typeof assembling>('assemble');
  const { readConfig } = await load<typeof configuring>('config');
  const { createLog } = await load<typeof logging>('log');
  const { startBatch } = await load<typeof starting>('operations/start-batch');
  const { findJob } = await load<typeof jobs>('store/jobs');
  return { assemble, readConfig, createLog, startBatch, findJob };
}

async function load<Module>(name: string): Promise<Module> {
  return (await import(new URL(`../dist/${name}.js`, import.meta.url).href)) as Module;
}
