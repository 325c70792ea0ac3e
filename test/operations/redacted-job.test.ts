import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';
import { startTarget, status } from '../support/target.ts';

const flow = `flow: private
redact: [email, address.phone]
input: { email: email required, age: "integer, 0..150" }
target: { connector: crm, endpoint: /people, method: POST }
mapping: { mail: source.email | lowercase, phone: source.address.phone, name: source.name }
batch: { id_field: email, on_record_failure: dead-letter }
`;

test('redacted fields of a job are in no answer, no file and no stored failure; the target gets them', async ({
  db,
}) => {
  const target = await startTarget({
    answer: ({ body }) => {
      const { mail, phone, name } = body as { mail: string; phone: string; name: string };
      if (name === 'Bad')
        return status(422, { message: `${mail} with ${phone.replaceAll(' ', '')} is taken` });
      return { kind: 'ok', body: { created: mail, dial: [phone] } };
    },
  });
  const mcp = await connect(db, {
    'private.yaml': flow,
    'connectors.yaml': `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  });
  const records = [
    { email: 'Zoe.Q@Example.com', name: 'Good', address: { phone: '+49 170 123456' } },
    { email: 'Yan.R@Example.com', name: 'Bad', address: { phone: '+49 171 654321' } },
    { email: 'not-an-address-zoe', name: 'Wrong', address: { phone: '+49 172 999999' } },
  ];

  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'private', records });
  const ended = await mcp.finish(batch_job_id);
  const errors = await mcp.call('export_batch_errors', { batch_job_id });
  const results = await mcp.call('export_batch_results', { batch_job_id });
  const answers = [
    ended,
    errors,
    results,
    await mcp.call('export_batch_errors', { dead_letters: true }),
    await mcp.call('search_logs', { batch_job_id }),
    ...(await Promise.all([0, 1, 2].map((index) => mcp.call('search_logs', { batch_job_id, index })))),
    await mcp.call('list_batch_jobs'),
    await mcp.call('retry_batch_failed_records', {
      batch_job_id,
      patch: { set: { name: 'x' } },
      select: { indexes: [1] },
      preview: true,
    }),
  ];
  const files = [...Object.values(errors.files), ...Object.values(results.files)] as { path: string }[];
  const failures = await db.run(
    (sql) => sql`select failure from records where job_id = ${batch_job_id}
      union all select to_jsonb(failed_attempts) from failed_attempts where job_id = ${batch_job_id}`,
  );

  const secrets = /zoe|yan\.r|170 ?123|171 ?654|172 ?999/i;
  for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(secrets);
  for (const { path } of files) expect(readFileSync(path, 'utf8'), path).not.toMatch(secrets);
  expect(JSON.stringify(failures)).not.toMatch(secrets);
  expect(ended.counts).toMatchObject({ succeeded: 1, failed: 2 });
  expect(errors.errors[0].error.untrusted_message).toContain('[redacted] with [redacted] is taken');
  expect(target.hits.map(({ body }) => (body as { mail: string }).mail).sort()).toEqual([
    'yan.r@example.com',
    'zoe.q@example.com',
  ]);
  await mcp.close();
  await target.close();
});
