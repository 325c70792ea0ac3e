import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asCommands, operations, spoken } from '../../src/cli/next-step.ts';
import { phrases } from '../../src/cli/spoken-phrases.ts';

const id = '0197a4c2-0000-7000-8000-000000000000';

test.each([
  [
    `Not finished. Call get_batch_status {"batch_job_id": "${id}", "wait_seconds": 30} again.`,
    `Not finished. Call \`sluice status ${id} --wait\` again.`,
  ],
  [`update_batch {"batch_job_id": "${id}", "action": "resume"} goes on.`, `\`sluice resume ${id}\` goes on.`],
  [
    `When it is back: retry_batch_failed_records {"batch_job_id": "${id}", "select": {"group_ids": ["a1", "b2"]}}`,
    `When it is back: \`sluice retry ${id} --group-ids a1,b2\``,
  ],
  [
    'start_batch {"flow_id": "import", "source": {"path": FILE}} takes the rows',
    '`sluice start import FILE` takes the rows',
  ],
  ['get_flow {"flow_id": NAME} shows what', '`sluice flows show NAME` shows what'],
  ['export_batch_errors has the payloads', '`sluice errors` has the payloads'],
  ['to run them at once, set allow_repeat: true.', 'to run them at once, set --allow-repeat.'],
  ['are retried with select {"statuses": ["skipped"]}.', 'are retried with --statuses skipped.'],
  [
    'start_batch {"flow_id": "import", "source": {"path": "my rows.csv"}, "params": {"a": 1}, "batch": {"continue_on_error": false}} runs it',
    "`sluice start import 'my rows.csv' --params '{\"a\":1}' --no-continue-on-error` runs it",
  ],
  [
    `Correct the values with patch (set, or source with the corrected error file): retry_batch_failed_records {"batch_job_id": "${id}"}. Or mend the flow, and retry with "flow_version": "latest".`,
    `Correct the values with --set or --file (the corrected error file): \`sluice retry ${id}\`. Or mend the flow, and retry with --flow-version latest.`,
  ],
  [
    `Have the person correct them in the file of export_batch_errors {"batch_job_id": "${id}"}, then give it as patch.source of retry_batch_failed_records {"batch_job_id": "${id}"}.`,
    `Correct them in the file of \`sluice errors ${id}\`, then give it with --file to \`sluice retry ${id}\`.`,
  ],
  [
    `Nothing has been sent. Ask the person to run \`sluice approve ${id}\` at a terminal; no tool can do that.`,
    `Nothing has been sent. Run \`sluice approve ${id}\`.`,
  ],
  [
    'This deletes at the target: show the person what is above, and go on only with their consent.',
    'This deletes at the target: go on only if you want what is above.',
  ],
  [
    'Have the person mend the address as the message says, then: retry_batch_failed_records.',
    'Mend the address as the message says, then: `sluice retry`.',
  ],
  [
    'Only if it is the records that lack something, correct them with patch.',
    'Only if it is the records that lack something, correct them with --set or --file.',
  ],
  [
    'retry_batch_failed_records sends records again, corrected with patch.',
    '`sluice retry` sends records again, corrected with --set or --file.',
  ],
  [
    'rotate_token: id: must be the first 8 or more characters of an id',
    '`sluice tokens rotate`: id: must be the first 8 or more characters of an id',
  ],
  [
    'write YAML, or have the person put the module into the flows folder.',
    'write YAML, or put the module into the flows folder.',
  ],
  [
    'Paused, because as many records failed as may: error_groups says why.',
    'Paused, because as many records failed as may: what is above says why.',
  ],
  [
    'look there first, or leave them out with select "maybe_applied": false.',
    'look there first, or leave them out with --no-maybe-applied.',
  ],
  [
    `retry_batch_failed_records with select {"dead_letters": true} sends those of a job again`,
    '`sluice retry` with --dead-letters sends those of a job again',
  ],
  [
    'update_batch: give at least one of action (pause, resume, cancel), concurrency, rate, max_failures, max_failure_rate, on_limit and drop_dead_letters.',
    '`sluice update`: give at least one of --concurrency, --rate, --max-failures, --max-failure-rate and --on-limit.',
  ],
  [
    'list_batch_jobs: flow_id: too long; limit: must be at least 1. Nothing was changed.',
    '`sluice list`: --flow: too long; --limit: must be at least 1. Nothing was changed.',
  ],
  [
    'start_batch: batch.max_failures: too small. Nothing was changed.',
    '`sluice start`: --max-failures: too small. Nothing was changed.',
  ],
  [
    'create_token: expires: must be a time with its unit.',
    '`sluice tokens create`: --expires: must be a time with its unit.',
  ],
  [
    'Give exactly one of records (inline) and source ({path}). Nothing was started.',
    'Name a file, or - for a pipe, or give --url, --records or --batch-job-id, only one of them. Nothing was started.',
  ],
  [
    'preview_batch with one of them as flow_id and source {"upload_id": "u1", "format": "json", "array_path": "a.b"} (the file) shows it.',
    '`sluice preview` with the name of one and --format json --array-path a.b --upload-id u1 (the file) shows it.',
  ],
  [
    'flow.yaml:7:3 batch.max_failures must be a whole number; did you mean "max_failures"?',
    'flow.yaml:7:3 batch.max_failures must be a whole number; did you mean "max_failures"?',
  ],
  ['Finished; every record succeeded.', 'Finished; every record succeeded.'],
])('"%s" is said as commands', (advice, commands) => {
  expect(asCommands(advice)).toBe(commands);
});

test('each operation that is said as a command is one there is', () => {
  const names = new Set(operations.map(({ name }) => name));

  expect(Object.keys(spoken).filter((name) => !names.has(name))).toEqual([]);
});

/** All that the operations and what is below them say, texts over several lines in one and places as x. */
function everythingSaid(): string {
  const folders = ['operations', 'engine', 'flows', 'sources', 'store'];
  const files = folders.flatMap((folder) => {
    const path = join(import.meta.dirname, '../../src', folder);
    return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((file) => join(path, file));
  });
  const texts = files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(file, 'utf8'));
  return texts
    .join('\n')
    .replace(/\$\{[^{}]*\}/g, 'x')
    .replace(/['`] \+\s+['`]/g, '');
}

test('each phrase that is put in other words is still said somewhere', () => {
  const said = everythingSaid();
  const gone = phrases.filter(([pattern]) => !new RegExp(pattern.source).test(said));

  expect(gone.map(([pattern]) => pattern.source)).toEqual([]);
});
