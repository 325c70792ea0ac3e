/** What the measurements use of Sluice. */
export { assemble } from '../src/assemble.ts';
export { readConfig } from '../src/config.ts';
export { createLog } from '../src/log.ts';
export { startBatch } from '../src/operations/start-batch.ts';
export { findJob } from '../src/store/jobs.ts';
