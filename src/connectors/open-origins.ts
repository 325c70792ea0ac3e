import type { HttpConnector } from './http.ts';

type Opened = HttpConnector & { close(): Promise<void> };

/** Connectors to origins that nobody has declared. */
export interface OpenOrigins {
  /** Stays valid: a connector that was closed meanwhile is opened anew by its next call. */
  at(origin: string): HttpConnector;
  close(): Promise<void>;
}

interface Entry {
  readonly connector: Opened;
  calls: number;
  retired: boolean;
}

/**
 * Keeps at most `most` connectors open, one for each origin, and closes the one that was used least
 * recently for another; not before its calls have ended.
 */
export function openOrigins(open: (origin: string) => Opened, most: number): OpenOrigins {
  // A map keeps the order of insertion, so the first entry is the one that was used least recently.
  const entries = new Map<string, Entry>();

  const entryOf = (origin: string): Entry => {
    const entry = entries.get(origin) ?? { connector: open(origin), calls: 0, retired: false };
    entries.delete(origin);
    entries.set(origin, entry);
    const [oldest] = entries;
    if (entries.size > most && oldest !== undefined) retire(...oldest);
    return entry;
  };
  const retire = (origin: string, entry: Entry): void => {
    entries.delete(origin);
    entry.retired = true;
    if (entry.calls === 0) void entry.connector.close();
  };
  const call: (origin: string) => HttpConnector['call'] = (origin) => async (request) => {
    const entry = entryOf(origin);
    entry.calls += 1;
    try {
      return await entry.connector.call(request);
    } finally {
      entry.calls -= 1;
      if (entry.retired && entry.calls === 0) void entry.connector.close();
    }
  };

  return {
    at: (origin) => ({ name: new URL(origin).host, call: call(origin) }),
    async close() {
      await Promise.all([...entries.values()].map(({ connector }) => connector.close()));
      entries.clear();
    },
  };
}
