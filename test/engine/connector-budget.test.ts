import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { CallLimits, type Share } from '../../src/connectors/call-limits.ts';
import type { Rate } from '../../src/domain/rate.ts';
import { ConnectorBudget } from '../../src/engine/connector-budget.ts';
import { noteConnectorUses, readConnectorUses } from '../../src/store/connector-uses.ts';
import type { Database } from '../../src/store/database.ts';
import { until } from '../faults/until.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';
import { fullestWindow } from '../support/target.ts';

const rate: Rate = { count: 20, windowMs: 400 };

/** A process as far as the limits of one connector are concerned. */
function newProcess(db: Database, holder: string, connector: string) {
  const limits = new CallLimits({ rate });
  let share: Share = { of: 1, at: 0 };
  const registry = noConnectors({
    windowMs: () => rate.windowMs,
    setShare: (_, given) => {
      share = given;
      limits.share = given;
    },
    usedRate: () => limits.used,
    rememberCalls: (_, used) => limits.remember(used),
  });
  const budget = new ConnectorBudget({ db, holder, log: quietLog, beatMs: 250 });
  const stop = new AbortController();
  const calls: { at: number }[] = [];
  const call = async (leaves: () => void) => {
    leaves();
    calls.push({ at: performance.now() });
    await sleep(5);
  };
  const callOn = async () => {
    while (!stop.signal.aborted) await limits.run(call, stop.signal).catch(() => {});
  };
  onTestFinished(() => stop.abort());
  return {
    calls,
    share: () => share,
    join: async () => {
      const leave = await budget.use([connector], registry);
      onTestFinished(() => leave().catch(() => {}));
      return leave;
    },
    /** Calls at fifty places until it is stopped. */
    callAtFifty: () => void Promise.all(Array.from({ length: 50 }, callOn)),
    stop: () => stop.abort(),
  };
}

test('two processes that come and go together never exceed the rate of a connector', async ({ db }) => {
  const early = newProcess(db, 'a', 'crm');
  const late = newProcess(db, 'b', 'crm');

  const earlyLeaves = await early.join();
  early.callAtFifty();
  await until('the first has the whole rate', () => early.calls.length > 40);
  const lateLeaves = await late.join();
  late.callAtFifty();
  expect(late.share()).toEqual({ of: 0, at: 0 });
  await until('both call', () => late.calls.length > 30);
  expect([early.share(), late.share()]).toEqual([
    { of: 2, at: 0 },
    { of: 2, at: 1 },
  ]);
  early.stop();
  await earlyLeaves();
  await until('the second has the whole rate', () => late.share().of === 1);
  const alone = late.calls.length;
  await until('it uses the whole rate', () => late.calls.length > alone + 40);
  late.stop();
  await lateLeaves();
  const last = newProcess(db, 'c', 'crm');
  await last.join();
  expect(last.share()).toEqual({ of: 1, at: 0 });
  last.callAtFifty();
  await until('the third calls', () => last.calls.length > 30);

  const calls = [early, late, last].flatMap((one) => one.calls).sort((a, b) => a.at - b.at);
  expect(fullestWindow(calls, rate.windowMs)).toBe(rate.count);
});

test('of two processes that begin together none begins unseen', async ({ db }) => {
  const both = [newProcess(db, 'a', 'twins'), newProcess(db, 'b', 'twins')];

  await Promise.all(both.map((one) => one.join()));
  for (const one of both) one.callAtFifty();
  await until('both call', () => both.every(({ calls }) => calls.length > 20));

  const calls = both.flatMap((one) => one.calls);
  expect(fullestWindow(calls, rate.windowMs)).toBeLessThanOrEqual(rate.count);
});

test('a process that has died leaves its share when its word lapses', async ({ db }) => {
  await noteConnectorUses(db, 'dead', [{ connector: 'shop', forMs: 600 }]);
  const heir = newProcess(db, 'heir', 'shop');
  const began = performance.now();

  await heir.join();
  heir.callAtFifty();
  await until('the heir has everything', () => heir.share().of === 1);

  expect(heir.calls.every(({ at }) => at - began > 500)).toBe(true);
});

test('a connector is not used any more when the last lane that used it is over', async ({ db }) => {
  const one = newProcess(db, 'one', 'desk');
  const first = await one.join();
  const second = await one.join();

  await first();
  expect(await readConnectorUses(db, ['desk'])).toHaveLength(1);
  await second();

  await until('nobody uses it', async () => (await readConnectorUses(db, ['desk'])).length === 0);
});
