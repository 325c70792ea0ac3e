import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, groups } from './command.ts';

/** The parts that `stop` ends. */
export interface Stopping {
  /** Whether the database answers; a database of somebody else is taken to. */
  readonly isReachable: () => Promise<boolean>;
  /** Tells the background runner to hand its work back and end; returns whether there was one. */
  readonly endRunner: () => Promise<boolean>;
  readonly hasRunner: () => Promise<boolean>;
  /** Connections of other Sluice processes. */
  readonly countOthers: () => Promise<number>;
  /** Stops the embedded server; returns whether it ran. Undefined: the database is not Sluice's own. */
  readonly stopServer: (() => Promise<boolean>) | undefined;
}

/** The runner has a grace time for records under way, so it is waited for, in milliseconds. */
const runnerEndsMs = 10_000;

const ofRunner = {
  stopped: 'The background runner has ended.',
  not_running: 'No background runner was there.',
  still_ending: 'The background runner is still finishing records that are under way.',
};
const ofDatabase = {
  stopped: 'The embedded database has stopped.',
  not_running: 'The embedded database was not running.',
  not_ours: "The database of DATABASE_URL is not Sluice's to stop.",
};

export const stop: Command = {
  name: 'stop',
  summary: 'end the background runner and the embedded database',
  group: groups.home,
  async run({ stopping }) {
    // The runner first: a client that loses an embedded server starts it again.
    const isReachable = await stopping.isReachable();
    const runner = isReachable ? await endRunner(stopping) : 'not_running';
    const others = isReachable ? await stopping.countOthers() : 0;
    const database = await stopServer(stopping);
    const note = `Other Sluice processes were connected (${others} connections); they start the database again when they need it.`;
    return {
      json: { runner, database, other_connections: others },
      text: [ofRunner[runner], ofDatabase[database], ...(others > 0 && database === 'stopped' ? [note] : [])],
    };
  },
};

async function endRunner({ endRunner, hasRunner }: Stopping): Promise<keyof typeof ofRunner> {
  if (!(await endRunner())) return 'not_running';
  const giveUpAt = performance.now() + runnerEndsMs;
  while (await hasRunner()) {
    if (performance.now() > giveUpAt) return 'still_ending';
    await sleep(50);
  }
  return 'stopped';
}

async function stopServer({ stopServer }: Stopping): Promise<keyof typeof ofDatabase> {
  if (stopServer === undefined) return 'not_ours';
  return (await stopServer()) ? 'stopped' : 'not_running';
}
