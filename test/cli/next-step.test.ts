import { expect, test } from 'vitest';
import { asCommands } from '../../src/cli/next-step.ts';

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
  ['Finished; every record succeeded.', 'Finished; every record succeeded.'],
])('"%s" is said as commands', (advice, commands) => {
  expect(asCommands(advice)).toBe(commands);
});
