// A process that runs the jobs of a database until it is killed: engine-child.ts DATABASE_URL TARGET_URL FLOW
import { setTimeout as sleep } from 'node:timers/promises';
import { openRegistry } from '../../src/connectors/open-registry.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { Attempt, Flow } from '../../src/flows/flow.ts';
import { Database } from '../../src/store/database.ts';
import { addressOf } from '../../src/store/database-url.ts';
import { noConnectors } from '../support/connectors.ts';
import { testEngine, testFlow } from '../support/engine.ts';

const [databaseUrl = '', targetUrl = '', flowName = ''] = process.argv.slice(2);

async function call(id: JsonValue): Promise<void> {
  const response = await fetch(targetUrl, { method: 'POST', body: JSON.stringify({ id }) });
  await response.arrayBuffer();
}

const numbersOf = ({ payload }: Attempt) => (payload as unknown as { n: number }[]).map(({ n }) => n);

const flows: Record<string, Flow> = {
  chunks: testFlow(
    async (attempt) => {
      for (const n of numbersOf(attempt)) await call(n);
      return null;
    },
    { chunk: { size: 5, onError: 'bisect' } },
  ),
  checkpoints: testFlow(async ({ index, progress, checkpoint }) => {
    if (progress === undefined) {
      await call(`first ${index}`);
      await checkpoint?.({ results: { first: index } });
      if (index === 3) process.kill(process.pid, 'SIGKILL');
    }
    await call(`second ${index}`);
    return null;
  }),
  silent: testFlow(() => null),
  ending: testFlow(() => null, {
    async atEnd() {
      await call('end');
      return null;
    },
  }),
};

const db = new Database({
  address: async () => addressOf(databaseUrl),
  name: 'engine child',
  connections: 3,
  patienceMs: 60_000,
});
/** A folder with a connectors.yaml. */
const folder = process.env.CONNECTORS;
const registry =
  folder === undefined
    ? noConnectors()
    : await openRegistry({ folder, env: process.env, secretsFile: '', allowPrivateHosts: true });
const engine = testEngine(db, flows[flowName]!, {
  holder: `child ${process.pid}`,
  leaseMs: 1000,
  openConnectors: async () => registry,
});
for (;;) {
  engine.wake();
  await sleep(200);
}
