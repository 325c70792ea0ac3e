import { afterAll, expect } from 'vitest';
import { operations } from '../../src/operations/operations.ts';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { connectRemote, type RemoteClient } from '../support/http-client.ts';
import { httpRoutes } from '../support/http-routes.ts';

const missing = '01890000-0000-7000-8000-000000000000';
const flow =
  'flow: shared-name\nversion: 1\nsteps:\n  - { name: stop, type: fail, code: broken, message: This one fails }\n';

interface World {
  readonly ada: RemoteClient;
  readonly bob: RemoteClient;
  readonly adasToken: string;
  readonly bobsToken: string;
  /** What is ada's alone. */
  readonly job: string;
  readonly upload: string;
}

let served: Served;
let world: World;

/** Ada has a flow, a finished job with a failure, a dead letter and an upload; Bob has a flow of the same name. */
async function populate(): Promise<World> {
  const [adasToken, bobsToken] = await Promise.all([served.tokenOf('ada'), served.tokenOf('bob')]);
  served.write('owners/ada/flows/shared-name.yaml', flow);
  served.write('owners/ada/flows/adas-own.yaml', flow.replace('shared-name', 'adas-own'));
  served.write('owners/ada/flows/zz-ledger.yaml', flow.replace('shared-name', 'zz-ledger'));
  served.write('owners/bob/flows/shared-name.yaml', flow.replace('This one fails', 'Bobs flow fails'));
  const [ada, bob] = await Promise.all([
    connectRemote(served.url, adasToken),
    connectRemote(served.url, bobsToken),
  ]);
  const started = await ada.call('start_batch', {
    ...{ flow_id: 'shared-name', records: [{ n: 1 }], label: 'of ada', idempotency_key: 'key-1' },
    batch: { on_record_failure: 'dead-letter' },
  });
  const { batch_job_id: job } = started;
  await ada.call('get_batch_status', { batch_job_id: job, wait_seconds: 10 });
  const { upload_id: upload } = await served.json('/api/v1/uploads?name=rows.csv', {
    method: 'POST',
    token: adasToken,
    headers: { 'content-type': 'text/csv' },
    body: 'n\n1\n',
  });
  return { ada, bob, adasToken, bobsToken, job, upload };
}

test.beforeEach(async ({ address }) => {
  served ??= await serve(address);
  world ??= await populate();
});
afterAll(async () => {
  await Promise.all([world?.ada.close(), world?.bob.close()]);
  await served?.stop();
});

/** What a tool says, refusal or not, with the id it was asked about made the same. */
async function saidBy(client: RemoteClient, tool: string, args: Record<string, unknown>, id: string) {
  const { content, isError } = await client.client.callTool({ name: tool, arguments: args });
  return { isError, text: JSON.stringify(content).replaceAll(id, 'ID') };
}

/** Arguments of each tool that name a job; undefined: it names none. */
const naming: Readonly<Record<string, ((id: string) => Record<string, unknown>) | undefined>> = {
  preview_batch: (id) => ({ flow_id: 'shared-name', source: { batch_job_id: id } }),
  start_batch: (id) => ({ flow_id: 'shared-name', source: { batch_job_id: id } }),
  get_batch_status: (id) => ({ batch_job_id: id }),
  list_batch_jobs: undefined,
  export_batch_errors: (id) => ({ batch_job_id: id }),
  export_batch_results: (id) => ({ batch_job_id: id }),
  retry_batch_failed_records: (id) => ({ batch_job_id: id }),
  update_batch: (id) => ({ batch_job_id: id, action: 'cancel' }),
  undo_batch: (id) => ({ batch_job_id: id }),
  list_flows: undefined,
  get_flow: undefined,
  get_flow_reference: undefined,
  save_flow: undefined,
  search_logs: (id) => ({ batch_job_id: id }),
};

test('every tool there is is tried here', () => {
  expect(Object.keys(naming).sort()).toEqual(operations.map(({ name }) => name).sort());
});

test('no tool tells another’s job from one that is not there, by its id or the beginning of it', async () => {
  const { bob, job } = world;

  const answers = [];
  for (const [tool, args] of Object.entries(naming)) {
    if (args === undefined) continue;
    for (const part of [36, 13]) {
      const [theirs, none] = [job.slice(0, part), missing.slice(0, part)];
      answers.push({
        tool,
        another: await saidBy(bob, tool, args(theirs), theirs),
        missing: await saidBy(bob, tool, args(none), none),
      });
    }
  }

  for (const { tool, another, missing: none } of answers) expect(another, tool).toEqual(none);
  expect(answers.filter(({ another }) => another.isError).length).toBeGreaterThan(12);
});

test('lists, counts and `latest` show one’s own only', async () => {
  const { ada, bob } = world;

  const [adas, bobs] = await Promise.all([ada.call('list_batch_jobs'), bob.call('list_batch_jobs')]);
  const latest = await bob.call('get_batch_status', { batch_job_id: 'latest' }).catch(String);
  const logs = await bob.call('search_logs', {});
  const { flows } = await bob.call('list_flows');
  const operators = await served.json('/api/v1/batches');

  expect(adas.jobs).toHaveLength(1);
  expect(bobs.jobs).toEqual([]);
  expect(latest).toContain('batch_job_not_found');
  expect(JSON.stringify(logs)).not.toMatch(/shared-name|of ada|This one fails/);
  expect(flows.map(({ name }: { name: string }) => name)).toEqual(['shared-name']);
  expect(JSON.stringify(operators)).not.toContain('of ada');
  expect(JSON.stringify([flows, logs, adas])).not.toContain(served.home);
});

test('a flow of the same name is another flow, and another’s name leads nowhere', async () => {
  const { ada, bob } = world;

  const texts = await Promise.all(
    [ada, bob].map(async ({ call }) => (await call('get_flow', { flow_id: 'shared-name' })).text),
  );
  const strangers = await saidBy(bob, 'get_flow', { flow_id: 'adas-own' }, 'adas-own');
  const none = await saidBy(bob, 'get_flow', { flow_id: 'nobodys-x' }, 'nobodys-x');
  const saved = await bob.call('save_flow', {
    text: flow.replace('shared-name', 'adas-own').replace('This one', 'Bobs'),
  });
  const adas = await ada.call('get_flow', { flow_id: 'adas-own' });

  expect(saved.file).toBe('adas-own.yaml');
  expect(texts[0]).toContain('This one fails');
  expect(texts[1]).toContain('Bobs flow fails');
  expect(strangers).toEqual(none);
  expect(adas.text).toContain('This one fails');
});

test('what is wrong with a flow of one’s own is told without a path of the machine', async () => {
  const { ada, adasToken } = world;
  served.write('owners/ada/flows/broken.yaml', 'flow: broken\ntarget: echo\nmapping: { a: sourc.a }\n');
  served.write('owners/ada/flows/drafts/worse.yaml', 'flow: worse\ntarget: echo\nmapping: { a: sourc.a }\n');
  const text = 'flow: far\ntarget: { connector: unheard-of, endpoint: /x }\n';

  const saved = await ada.call('save_flow', { text });
  const broken = await served.request('/api/v1/flows/broken', { token: adasToken });
  const flows = await ada.call('list_flows');
  const said = [JSON.stringify(saved), JSON.stringify(flows), await broken.text()];

  expect(said[0]).toContain('No connector is named unheard-of in connectors.yaml');
  expect(said[1]).toContain('worse.yaml:3:');
  expect(said[2]).toContain('broken.yaml:3:');
  expect(said.join()).not.toContain(served.home);
});

test('what to do next is what a caller over HTTP can do', async () => {
  const { ada } = world;
  const newcomer = await served.tokenOf('newcomer');

  const saved = await ada.call('save_flow', { text: 'flow: next\ntarget: echo\n' });
  const empty = await served.json('/api/v1/flows', { token: newcomer });
  const missing = await served.request('/api/v1/flows/none', { token: newcomer });

  expect(saved.next_step).toContain('"source": {"upload_id": ID of POST /api/v1/uploads}');
  expect(empty.next_step).not.toContain('sluice init');
  expect(await missing.text()).toContain('there are none of yours yet. save_flow makes one.');
});

test('the same idempotency key, and the same rows through a flow of the same name, are two owners’ two jobs', async () => {
  const { bob, job } = world;

  const started = await bob.call('start_batch', {
    flow_id: 'shared-name',
    records: [{ n: 1 }],
    idempotency_key: 'key-1',
  });

  expect(started).toMatchObject({ replayed: false, total: 1 });
  expect(started).not.toHaveProperty('earlier_job');
  expect(started.batch_job_id).not.toBe(job);
});

test('resources of another are not there, by name or by subscription', async () => {
  const { bobsToken, job } = world;
  const bob = await connectRemote(served.url, bobsToken, 'sse');
  const read = (uri: string) => bob.client.readResource({ uri }).then(() => 'read', String);
  const subscribe = (uri: string) => bob.client.subscribeResource({ uri }).then(() => 'subscribed', String);

  const uris = ['', '/errors.csv', '/errors.ndjson', '/results.ndjson'].map((end) =>
    [job, missing].map((id) => `batch://jobs/${id}${end}`),
  );
  const words = [];
  for (const pair of uris) {
    for (const ask of [read, subscribe]) words.push(await Promise.all(pair.map(ask)));
  }
  const { resources } = await bob.client.listResources();
  await bob.close();

  for (const [theirs = '', none = ''] of words) {
    expect(theirs).toContain('rror');
    expect(theirs.replaceAll(job, 'ID')).toBe(none.replaceAll(missing, 'ID'));
  }
  expect(JSON.stringify(resources)).not.toContain(job);
});

/** Every route that names something. */
const routes = httpRoutes
  .filter(({ path, method }) => path.includes('/:') && method !== 'ALL')
  .map(({ method, path }) => ({ method, path }));

const bodies: Readonly<Record<string, object>> = {
  PATCH: { action: 'cancel' },
  PUT: { text: flow },
};

test('no route tells what is another’s from what is not there', async () => {
  const { job, upload, bobsToken } = world;
  const about = async (method: string, pattern: string, id: string) => {
    const path = pattern.replace(/:index(\{[^}]*\})?/, '0').replace(/:[a-z_]+(\{[^}]*\})?/gi, id);
    const body = bodies[method] ?? (method === 'POST' ? {} : undefined);
    const answer = await served.request(path, {
      method,
      token: bobsToken,
      ...(body && { body: body as never }),
    });
    const text = answer.headers.get('content-type')?.startsWith('text/event-stream')
      ? 'a stream'
      : await answer.text();
    return { status: answer.status, text: text.replaceAll(id, 'ID') };
  };

  // A flow that is put under a name is one's own.
  const named = routes.filter(({ method, path }) => !(method === 'PUT' && path.includes('/flows/')));
  const answers = [];
  for (const { method, path } of named) {
    const [theirs, none] = path.includes('/flows/')
      ? ['zz-ledger', 'qq-missing']
      : path.includes('/uploads/')
        ? [upload, missing]
        : [job, missing];
    answers.push({
      route: `${method} ${path}`,
      another: await about(method, path, theirs),
      none: await about(method, path, none),
    });
  }

  expect(answers.length).toBeGreaterThan(10);
  for (const { route, another, none } of answers) {
    expect(another, route).toEqual(none);
    expect(another.status, route).toBe(404);
  }
  const still = await world.ada.call('get_batch_status', { batch_job_id: job });
  expect(still).toMatchObject({ status: 'completed_with_errors', failed_now: 1 });
});

test('another’s upload is no source, and the operator’s token does not open it either', async () => {
  const { bob, upload, adasToken } = world;
  const words = [];
  for (const id of [upload, missing]) {
    words.push(await saidBy(bob, 'start_batch', { flow_id: 'shared-name', source: { upload_id: id } }, id));
  }
  const { uploads } = await served.json('/api/v1/uploads', { token: adasToken });
  const operators = await served.request(`/api/v1/uploads/${upload}`);

  expect(words[0]).toEqual(words[1]);
  expect(words[0]?.isError).toBe(true);
  expect(uploads).toHaveLength(1);
  expect(operators.status).toBe(404);
});

test('dead letters and their retry are one’s own', async () => {
  const { bobsToken, adasToken } = world;

  const lists = await Promise.all(
    [bobsToken, adasToken].map((token) => served.json('/api/v1/dead-letters', { token })),
  );
  await served.request('/api/v1/dead-letters', { method: 'DELETE', token: bobsToken });
  const after = await served.json('/api/v1/dead-letters', { token: adasToken });

  expect(JSON.stringify(lists[0])).not.toContain('of ada');
  expect(JSON.stringify(after)).toEqual(JSON.stringify(lists[1]));
});
