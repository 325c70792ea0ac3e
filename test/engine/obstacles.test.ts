import { expect } from 'vitest';
import { Secret } from '../../src/connectors/secret.ts';
import { obstacleOf } from '../../src/engine/obstacles.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { stopJob } from '../../src/store/control.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { finished, jobWhen, runFlow, testFlow } from '../support/engine.ts';

const needing = (needs: Partial<Flow['needs']>, more: Partial<Flow> = {}) =>
  testFlow(() => null, { needs: { codeSteps: [], variables: [], approval: [], ...needs }, ...more });
const set = async () =>
  noConnectors({ variable: (name) => (name === 'UNSET' ? undefined : new Secret('value')) });

test.for([
  [{ codeSteps: ['shell', 'python', 'shell'] }, {}, /has shell and python steps.*SLUICE_ALLOW_CODE_STEPS=1/],
  [{ variables: ['UNSET'] }, {}, /names the variable UNSET, which is not set/],
  [{ variables: ['DATABASE_URL'] }, {}, /DATABASE_URL.*Sluice's own/],
  [{ variables: ['sluice_token'] }, {}, /sluice_token.*Sluice's own/],
  [
    { variables: ['REGION'] },
    { allowedVariables: ['OTHER'] },
    /REGION, which SLUICE_ALLOW_ENV does not list/,
  ],
] as const)('a flow that needs %j waits, and says for what', async ([needs, allowed, text], { db }) => {
  const permissions = { allowCodeSteps: false, allowedVariables: undefined, ...allowed };
  const options = { permissions, openConnectors: set };

  const { id, engine } = await runFlow(db, needing(needs), 1, {}, options);
  const job = await jobWhen(db, id, ({ obstacle }) => obstacle !== null);

  expect(job.obstacle).toMatch(text);
  expect(job.held).toBe(false);
  await engine.stop(0);
});

test('what is allowed and set keeps no job waiting', async ({ db }) => {
  const permissions = { allowCodeSteps: true, allowedVariables: ['REGION'] };
  const flow = needing({ codeSteps: ['shell'], variables: ['REGION'] });

  const { id, engine } = await runFlow(db, flow, 1, {}, { permissions, openConnectors: set });

  expect((await jobWhen(db, id, finished)).status).toBe('completed');
  await engine.stop(0);
});

test('a variable that may miss keeps no job waiting, unless flows may not name it', async ({ db }) => {
  const flow = needing({ variables: ['UNSET'], mayMiss: ['UNSET'] });
  const permissions = { allowCodeSteps: false, allowedVariables: undefined };

  const { id, engine } = await runFlow(db, flow, 1, {}, { permissions, openConnectors: set });

  expect((await jobWhen(db, id, finished)).status).toBe('completed');
  expect(obstacleOf(flow, await set(), { ...permissions, allowedVariables: [] })).toMatch(/SLUICE_ALLOW_ENV/);
  await engine.stop(0);
});

test('each connector is asked for by its name and type', async ({ db }) => {
  const asked: unknown[] = [];
  const openConnectors = async () =>
    noConnectors({
      obstacle(name, type) {
        asked.push([name, type]);
        return name === 'db' ? 'The connector db needs DB_URL, which is not set.' : undefined;
      },
    });
  const flow = testFlow(() => null, {
    connectors: [
      { name: 'crm', type: 'http' },
      { name: 'db', type: 'sql' },
    ],
  });

  const { id, engine } = await runFlow(db, flow, 1, {}, { openConnectors });
  const job = await jobWhen(db, id, ({ obstacle }) => obstacle !== null);

  expect(job.obstacle).toContain('DB_URL');
  expect(asked.slice(0, 2)).toEqual([
    ['crm', 'http'],
    ['db', 'sql'],
  ]);
  await engine.stop(0);
});

test('a code flow whose text is not there any more is what its job waits for', async ({ db }) => {
  const asked: unknown[] = [];
  const compile = async (...given: readonly string[]) => {
    asked.push(given);
    return undefined;
  };
  const flow = testFlow(() => null, { kind: 'code' });
  const pinned = {
    flowId: '00000000-0000-5000-8000-000000000000',
    name: 'sync',
    version: null,
    revision: 'r-code',
    text: 'export',
  };

  const { id, engine } = await runFlow(db, flow, 1, { flow: pinned, flowKind: 'code' }, { compile });
  const job = await jobWhen(db, id, ({ obstacle }) => obstacle !== null);

  expect(job.obstacle).toBe(
    'The code flow sync has changed since the job started (revision r-code); put that text back or cancel the job.',
  );
  expect(asked[0]).toEqual(['export', 'sync', 'code', 'r-code']);
  await engine.stop(0);
});

test('steps that run programs do not run in the end part of a cancelled job either', async ({ db }) => {
  let ran = false;
  const flow = needing(
    { codeSteps: ['shell'] },
    {
      atEnd() {
        ran = true;
        return null;
      },
    },
  );
  const { id, engine } = await runFlow(db, flow, 2);
  await jobWhen(db, id, ({ obstacle }) => obstacle !== null);

  await stopJob(db, id, 'cancelled', 'cancelled');
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'cancelled', endingFailure: { code: 'end_part_not_run' } });
  expect(job.endingFailure?.message).toContain('SLUICE_ALLOW_CODE_STEPS');
  expect(ran).toBe(false);
  await engine.stop(0);
});
