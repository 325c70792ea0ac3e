import { expect } from 'vitest';
import { claimRecords } from '../../src/store/claims.ts';
import { Database } from '../../src/store/database.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { newJob, startJob } from '../support/jobs.ts';
import { rowsRead } from '../support/rows-read.ts';

const keys = 500;
const rows = 6 * keys;
const wishes = { flowName: 'f', ordered: true, remembers: true, onFailure: 'log', callback: null } as const;

const ordered = () =>
  newJob(0, {
    orderBy: 'key',
    records: Array.from({ length: rows }, (_, n) => ({
      id: `${n}`,
      json: '{}',
      orderKey: `key ${n % keys}`,
    })),
  });

test.for(['without statistics', 'after ANALYZE', 'with the statistics of a table where nothing is held'])(
  'letting the next record of each order key go reads no more than a few rows for each %s',
  async (when, { address }) => {
    const db = new Database({
      address: async () => address,
      name: 'plans',
      connections: 1,
      patienceMs: 1000,
    });
    await db.run((sql) => sql`truncate records`);
    if (when.startsWith('with the')) {
      await startJob(db, newJob(rows));
      await db.run((sql) => sql`vacuum analyze records`);
    }
    const lease = await startJob(db, ordered());
    if (when === 'after ANALYZE') await db.run((sql) => sql`analyze records`);
    const reads: number[] = [];

    for (const claims of [0, 1, 2]) {
      const claimed = await claimRecords(db, { lease, claims, limit: 2 * keys, fresh: true });
      const settlement = { status: 'succeeded', result: 1 } as const;
      const settled = (claimed?.records ?? []).map((record) => ({ record, settlement, digest: 'd' }));
      const before = await rowsRead(db);
      await saveSettlements(db, lease, settled, { ...wishes, forgets: false });
      reads.push((await rowsRead(db)) - before);
      expect(settled.map(({ record }) => record.index)).toEqual(settled.map((_, n) => claims * keys + n));
      expect(settled.length).toBe(keys);
    }

    expect(Math.max(...reads), JSON.stringify(reads)).toBeLessThanOrEqual(4 * keys);
    await db.close();
  },
);
