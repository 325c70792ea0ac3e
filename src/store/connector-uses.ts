import type { Database } from './database.ts';

/** A process that uses a connector at present. */
export interface ConnectorUse {
  readonly connector: string;
  readonly holder: string;
  /** Changes whenever the holder says that it goes on, or that it leaves. */
  readonly word: string;
}

/** Says that a process uses connectors for another `forMs` from now. */
export async function noteConnectorUses(
  db: Database,
  holder: string,
  connectors: readonly string[],
  forMs: number,
): Promise<void> {
  await db.run(
    (sql) => sql`
      with gone as (delete from connector_uses where until < now() - interval '1 minute')
      insert into connector_uses (connector, holder, until)
      select name, ${holder}, now() + ${forMs} * interval '1 millisecond'
      from json_array_elements_text(${JSON.stringify(connectors)}::text::json) as name
      on conflict (connector, holder) do update set until = excluded.until`,
  );
}

/**
 * Everybody who uses these connectors, by connector and name of the holder. Read after it was noted that this
 * process uses them, so that of two that begin together at least one sees the other.
 */
export function readConnectorUses(db: Database, connectors: readonly string[]): Promise<ConnectorUse[]> {
  return db.run(
    (sql) => sql<ConnectorUse[]>`
      select connector, holder, until::text as word from connector_uses
      where until > now()
        and connector = any(array(select json_array_elements_text(${JSON.stringify(connectors)}::text::json)))
      order by connector, holder collate "C"`,
  );
}
