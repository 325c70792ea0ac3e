/**
 * `npm run demo`: 3,376 real rows go through Sluice into a CRM that refuses some and stumbles over others.
 *
 * The demo does what a chat assistant does, with the same tools, and checks every count against what
 * the CRM holds and what the rows deserve. It exits 0 only if all of them are right.
 */
import {
  type BatchStatus,
  batchStatus,
  type ExportedErrors,
  exportedErrors,
  listedFlows,
  shownFlow,
  startedBatch,
  startedRetry,
} from './demo/answers.ts';
import { checkErrors, checkImport, checkRetry, checkSum } from './demo/checks.ts';
import { type Expected, expectedOf } from './demo/expected.ts';
import { showProgress } from './demo/progress.ts';
import { airportsFile, type Stage, setStage } from './demo/stage.ts';
import { Verdict } from './demo/verdict.ts';

const flowName = 'airport-import';
/** Decides which airports meet troubles at the CRM. */
const seed = 1;
/** A job that takes longer than this, in milliseconds, is stuck. */
const patienceMs = 60_000;

const verdict = new Verdict();
const startedAt = performance.now();

const expected = await expectedOf(airportsFile, seed);
const stage = await setStage(seed);
try {
  await tell(stage, expected);
} catch (error) {
  verdict.problems.push(`the demo broke off: ${String(error)}\n${stage.sluice.log}`.trimEnd());
}
await stage
  .close()
  .catch((error: unknown) => verdict.problems.push(`the end was not clean: ${String(error)}`));
conclude(expected);

async function tell(stage: Stage, expected: Expected): Promise<void> {
  await introduce(stage);

  const batchJobId = await startImport(stage);
  const imported = await follow(stage, batchJobId);
  say(
    `${expected.troubledAtFirst} airports were answered 500 or 429 at first; the flow's retries brought them in.`,
  );
  checkImport(verdict, imported, stage.crm.airports, expected);

  const errors = await showErrors(stage, batchJobId);
  await checkErrors(verdict, errors, expected);

  await retryFailed(stage, batchJobId);
  const retried = await follow(stage, batchJobId);
  checkRetry(verdict, retried, stage.crm.airports, expected);
}

async function introduce({ crm, sluice }: Stage): Promise<void> {
  heading('A CRM and Sluice');
  say(`The example CRM listens at ${crm.url}.`);
  const tools = await sluice.start();
  say(`Sluice offers ${tools.length} tools: ${tools.join(', ')}.`);

  heading('list_flows, get_flow');
  const { flows, invalid } = await sluice.call('list_flows', {}, listedFlows);
  for (const { name, summary } of flows) say(`${name}: ${summary}`);
  verdict.equal('the flow files that cannot run', invalid, []);

  const flow = await sluice.call('get_flow', { flow_id: flowName }, shownFlow);
  say(`It reads ${flow.expects.map(({ path }) => path).join(', ')}.`);
  say(`It makes ${flow.retry}.`);
}

async function startImport({ sluice }: Stage): Promise<string> {
  heading('start_batch');
  const input = { flow_id: flowName, source: { path: airportsFile }, concurrency: 20 };
  const started = await sluice.call('start_batch', input, startedBatch);
  say(`Batch job ${started.batch_job_id} was accepted.`);
  say(`Next: ${started.next_step}`);
  return started.batch_job_id;
}

/** Watches a job to its end with `get_batch_status`; at every poll the counts have to add up. */
async function follow({ sluice }: Stage, batchJobId: string): Promise<BatchStatus> {
  heading('get_batch_status');
  const input = { batch_job_id: batchJobId, wait_seconds: 2 };
  const deadline = performance.now() + patienceMs;
  const progress = showProgress();
  let status: BatchStatus;
  try {
    do {
      status = await sluice.call('get_batch_status', input, batchStatus, progress.update);
      progress.update(status.processed, status.total);
      checkSum(verdict, status);
    } while (!status.finished && performance.now() < deadline);
  } finally {
    progress.end();
  }
  say(`${status.status}: ${countsLine(status)}`);
  if (!status.finished) throw new Error(`the batch job is not finished after ${patienceMs / 1000} s`);
  return status;
}

async function showErrors({ sluice }: Stage, batchJobId: string): Promise<ExportedErrors> {
  heading('export_batch_errors');
  const errors = await sluice.call('export_batch_errors', { batch_job_id: batchJobId }, exportedErrors);
  for (const group of errors.groups) {
    say(`${String(group.count).padStart(3)} × ${group.message}`);
    if (group.untrusted_message !== undefined) say(`      said: ${group.untrusted_message}`);
    say(`      next: ${group.next_step}`);
  }
  for (const { index, payload } of errors.errors.slice(0, 2)) {
    say(`For example record ${index}: ${JSON.stringify(payload)}`);
  }
  say(`All of them: ${errors.files.csv.path}`);
  return errors;
}

async function retryFailed({ crm, sluice }: Stage, batchJobId: string): Promise<void> {
  heading('retry_batch_failed_records');
  crm.airports.endMaintenance();
  say('The maintenance at the CRM is over.');
  const input = { batch_job_id: batchJobId };
  const { selected, concurrency } = await sluice.call('retry_batch_failed_records', input, startedRetry);
  say(`${selected} records are tried again, ${concurrency} at a time.`);
}

function conclude({ total, taken, inMaintenance }: Expected): void {
  heading('Verdict');
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (verdict.problems.length > 0) {
    process.exitCode = 1;
    say(`Not as it has to be, after ${seconds} s:`);
    for (const problem of new Set(verdict.problems)) say(`- ${problem}`);
    return;
  }
  const created = taken.size + inMaintenance.size;
  say(
    `In ${seconds} s, ${number(total)} rows became ${number(created)} airports, each created exactly once, and ` +
      `${number(total - created)} refusals with a reason each. The counts added up at every poll.`,
  );
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function countsLine({ counts, total }: BatchStatus): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return `${parts.map(([status, count]) => `${number(count)} ${status}`).join(' + ')} = ${number(total)}`;
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

function say(text: string): void {
  console.log(`   ${text}`);
}
