import { randomUUID } from 'node:crypto';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Crm, startCrm } from '../crm.ts';
import { Sluice } from './sluice.ts';

const root = join(import.meta.dirname, '..', '..');

/** Real rows: the airports of the npm package vega-datasets. */
export const airportsFile = join(root, 'node_modules', 'vega-datasets', 'data', 'airports.csv');

/** Everything the demo needs, in a temporary folder of its own. */
export interface Stage {
  readonly crm: Crm;
  readonly sluice: Sluice;
  close(): Promise<void>;
}

export async function setStage(seed: number): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
  // As root the server runs as another user, who keeps its data here only if it may enter.
  await chmod(folder, 0o711);
  const token = randomUUID();
  const crm = await startCrm({ seed, token });

  const flows = join(folder, 'flows');
  await cp(join(root, 'examples', 'flows'), flows, { recursive: true });
  await pointConnectorAt(join(flows, 'connectors.yaml'), crm.url);

  const sluice = new Sluice(join(root, 'dist', 'main.js'), {
    SLUICE_HOME: join(folder, 'home'),
    SLUICE_FLOWS: flows,
    SLUICE_FILES: dirname(airportsFile),
    // The server lives as long as its jobs here, so nothing has to go on without it.
    SLUICE_BACKGROUND: 'off',
    CRM_TOKEN: token,
  });
  return {
    crm,
    sluice,
    async close() {
      const stopped = await Promise.allSettled([sluice.stop(), crm.close()]);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      for (const outcome of stopped) if (outcome.status === 'rejected') throw outcome.reason;
    },
  };
}

async function pointConnectorAt(connectorsFile: string, url: string): Promise<void> {
  const text = await readFile(connectorsFile, 'utf8');
  await writeFile(connectorsFile, text.replace(/base_url: .*/, `base_url: ${url}`));
}
