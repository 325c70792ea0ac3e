import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type ConnectorUse, noteConnectorUses, readConnectorUses } from '../store/connector-uses.ts';
import type { Database } from '../store/database.ts';
import { type Log, nameOf } from './log.ts';

const defaultBeatMs = 5_000;
/** As long as a process waits for the others to make room, it looks more often. */
const joiningBeats = 5;
/** A word holds for so many beats at least: a process that has died leaves its share after that. */
const beatsOfWord = 3;
/** Calls that nobody has told of are given this long to leave the window, at most, in milliseconds. */
const longestWaitMs = 60_000;

export interface ConnectorBudgetOptions {
  readonly db: Database;
  /** Names this process. */
  readonly holder: string;
  readonly log: Log;
  /** How often a process says which connectors it uses, and learns who else does, in milliseconds; default 5,000. */
  readonly beatMs?: number;
}

interface Use {
  readonly name: string;
  readonly registry: ConnectorRegistry;
  readonly windowMs: number;
  /** Lanes that use the connector. */
  lanes: number;
  /** The word of each process that was there before; undefined until the first look. */
  before: ReadonlyMap<string, string> | undefined;
  /** `performance.now()` from which this process has a share; undefined: the others do not know of it yet. */
  from: number | undefined;
  /** Last words of processes that have left, whose calls have been counted. */
  readonly heard: Set<string>;
}

/**
 * Shares the limits of connectors between the processes that use them, without a round trip per call.
 *
 * A newcomer has no share before all others have said a word, and so have learned of it, and the calls they
 * made before are out of the window. Whoever leaves tells how many of its calls still count. A limit that is smaller than the number of processes leaves some of them
 * waiting.
 */
export class ConnectorBudget {
  readonly #options: ConnectorBudgetOptions;
  readonly #uses = new Map<string, Use>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConnectorBudgetOptions) {
    this.#options = options;
  }

  /**
   * Takes part in the use of connectors. Resolves when this process has its share, or waits for one, to a
   * function that ends the use. Rejects when the database cannot be asked.
   */
  async use(names: readonly string[], registry: ConnectorRegistry): Promise<() => Promise<void>> {
    const used = [...new Set(names)].flatMap((name) => this.#enter(name, registry));
    const release = async () => {
      for (const use of used) await this.#leave(use);
    };
    try {
      const fresh = used.filter(({ before }) => before === undefined);
      if (fresh.length > 0) await this.#beat(fresh);
      this.#schedule();
      return release;
    } catch (error) {
      await release();
      throw error;
    }
  }

  get #beatMs(): number {
    return this.#options.beatMs ?? defaultBeatMs;
  }

  #enter(name: string, registry: ConnectorRegistry): Use[] {
    const windowMs = registry.windowMs(name);
    if (windowMs === undefined) return [];
    const use = this.#uses.get(name) ?? {
      name,
      registry,
      windowMs,
      lanes: 0,
      before: undefined,
      from: undefined,
      heard: new Set<string>(),
    };
    if (use.lanes === 0) registry.setShare(name, { of: 0, at: 0 });
    use.lanes += 1;
    this.#uses.set(name, use);
    return [use];
  }

  /** Never rejects: a word that cannot be taken back lapses. */
  async #leave(use: Use): Promise<void> {
    use.lanes -= 1;
    if (use.lanes > 0) return;
    this.#uses.delete(use.name);
    this.#schedule();
    use.registry.setShare(use.name, { of: 1, at: 0 });
    const { db, holder } = this.#options;
    const { calls, forMs } = use.registry.usedRate(use.name) ?? { calls: 0, forMs: 0 };
    const word = { connector: use.name, calls, forMs };
    await noteConnectorUses(db, holder, [word]).catch((error: unknown) => this.#warn(error));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const uses = [...this.#uses.values()];
    if (uses.length === 0) return;
    const now = performance.now();
    const joining = uses.some(({ from }) => from === undefined || from > now);
    const waitMs = joining ? this.#beatMs / joiningBeats : this.#beatMs;
    this.#timer = setTimeout(() => void this.#beatOn(), waitMs).unref();
  }

  /** Never rejects. */
  async #beatOn(): Promise<void> {
    await this.#beat([...this.#uses.values()]).catch((error: unknown) => this.#warn(error));
    this.#schedule();
  }

  async #beat(uses: readonly Use[]): Promise<void> {
    const { db, holder } = this.#options;
    const names = uses.map(({ name }) => name);
    await noteConnectorUses(
      db,
      holder,
      uses.map(({ name, windowMs }) => ({
        connector: name,
        forMs: Math.max(this.#beatMs * beatsOfWord, Math.min(windowMs, longestWaitMs)),
      })),
    );
    const all = await readConnectorUses(db, names);
    for (const use of uses) {
      if (use.lanes > 0)
        this.#share(
          use,
          all.filter(({ connector }) => connector === use.name),
        );
    }
  }

  #share(use: Use, rows: readonly ConnectorUse[]): void {
    const { holder } = this.#options;
    const now = performance.now();
    const rest = rows.filter((row) => row.holder !== holder);
    for (const row of rest) countLeft(use, row);
    const others = rest.filter((row) => row.calls === null);
    use.before ??= new Map(others.map((row) => [row.holder, row.word]));
    use.from ??= joinedAt(use, others, now);
    if (use.from === undefined || use.from > now) return;
    const at = others.filter((row) => row.holder < holder).length;
    use.registry.setShare(use.name, { of: others.length + 1, at });
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ error: nameOf(error) }, 'limits of connectors could not be shared');
  }
}

/** When a newcomer may begin; undefined as long as one that was there before may not know of it. */
function joinedAt(
  { before, windowMs }: Use,
  others: readonly ConnectorUse[],
  now: number,
): number | undefined {
  const unaware = others.some((row) => row.word === before?.get(row.holder));
  if (unaware) return undefined;
  return others.length === 0 ? now : now + Math.min(windowMs, longestWaitMs);
}

/** The calls of a process that has left count for those that stay. */
function countLeft({ name, registry, heard }: Use, { holder, word, calls, forMs }: ConnectorUse): void {
  const lastWord = `${holder} ${word}`;
  if (calls === null || calls === 0 || heard.has(lastWord)) return;
  heard.add(lastWord);
  registry.rememberCalls(name, { calls, forMs });
}
