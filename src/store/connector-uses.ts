import type { Database } from './database.ts';

/** What a process says of its use of a connector. */
export interface ConnectorWord {
  readonly connector: string;
  /** How long the word holds, in milliseconds. */
  readonly forMs: number;
  /** It uses the connector no more, but so many of its calls count for the rate as long as the word holds. */
  readonly calls?: number;
}

/** A process that uses a connector, or has left and made calls that count. */
export interface ConnectorUse {
  readonly connector: string;
  readonly holder: string;
  /** Changes whenever the holder says that it goes on, or that it leaves. */
  readonly word: string;
  readonly forMs: number;
  /** null: it uses the connector. */
  readonly calls: number | null;
}

/** Keeps the words of a process in place of what it said of the same connectors before. */
export async function noteConnectorUses(
  db: Database,
  holder: string,
  words: readonly ConnectorWord[],
): Promise<void> {
  await db.run(
    (sql) => sql`
      with gone as (delete from connector_uses where until < now() - interval '1 minute')
      insert into connector_uses (connector, holder, until, calls)
      select connector, ${holder}, now() + "forMs" * interval '1 millisecond', calls
      from json_to_recordset(${JSON.stringify(words)}::text::json) as word(connector text, "forMs" float8, calls int)
      on conflict (connector, holder) do update set until = excluded.until, calls = excluded.calls`,
  );
}

/**
 * The words that hold for these connectors, by connector and name of the holder. Read after it was noted that this
 * process uses them, so that of two that begin together at least one sees the other.
 */
export function readConnectorUses(db: Database, connectors: readonly string[]): Promise<ConnectorUse[]> {
  return db.run(
    (sql) => sql<ConnectorUse[]>`
      select connector, holder, until::text as word, calls,
        extract(epoch from until - now())::float8 * 1000 as "forMs"
      from connector_uses
      where until > now()
        and connector = any(array(select json_array_elements_text(${JSON.stringify(connectors)}::text::json)))
      order by connector, holder collate "C"`,
  );
}
