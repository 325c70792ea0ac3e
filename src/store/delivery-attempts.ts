import type { Database, Fragment, Sql } from './database.ts';

/** A call that is owed, on its way. */
export interface ClaimedDelivery {
  /** The same on every attempt. */
  readonly id: string;
  readonly connector: string;
  /** What is sent: the same bytes on every attempt. */
  readonly body: string;
  /** This one counted. */
  readonly attempts: number;
}

export interface DeliveryClaim {
  /** Names the claim; a new one each time. */
  readonly claim: string;
  /** Connectors that this process can use. */
  readonly connectors: readonly string[];
  readonly limit: number;
  /** What is claimed is due again after this time, in milliseconds: whoever claimed it may have died. */
  readonly holdMs: number;
}

/**
 * Takes due deliveries, the longest due first. Safe from several processes.
 *
 * A repeat after a lost answer takes others, and the first ones come back when their hold is over.
 */
export async function claimDeliveries(db: Database, asked: DeliveryClaim): Promise<ClaimedDelivery[]> {
  return db.run(
    (sql) => sql<ClaimedDelivery[]>`
      with due as materialized (
        select ctid as at from deliveries
        where due_at <= now() and connector = any(array${listSql(sql, asked.connectors)})
        order by due_at limit ${asked.limit}
        for update skip locked
      )
      update deliveries set
        claim = ${asked.claim}, attempts = attempts + 1,
        due_at = now() + ${asked.holdMs} * interval '1 millisecond'
      where ctid = any(array(select at from due)) and due_at <= now()
      returning id, connector, payload::text as body, attempts`,
  );
}

/** Milliseconds until one of these connectors is owed a call, at least 0; undefined: none is. */
export async function nextDeliveryInMs(
  db: Database,
  connectors: readonly string[],
): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ wait: number | null }[]>`
      select greatest(extract(epoch from min(due_at) - now()) * 1000, 0)::float8 as wait
      from deliveries where due_at is not null and connector = any(array${listSql(sql, connectors)})`,
  );
  return row?.wait ?? undefined;
}

/** Notes that a delivery was accepted, whoever has it claimed by now. */
export async function markDelivered(db: Database, id: string): Promise<void> {
  await db.run(
    (sql) => sql`
      update deliveries set delivered_at = now(), given_up_at = null, due_at = null, claim = null, last_error = null
      where id = ${id} and delivered_at is null`,
  );
}

/** Hands back a delivery whose attempt was cut off, uncounted. */
export async function returnDelivery(db: Database, id: string, claim: string): Promise<void> {
  await db.run(
    (sql) => sql`
      update deliveries set due_at = now(), attempts = attempts - 1, claim = null
      where id = ${id} and claim = ${claim} and due_at is not null`,
  );
}

export interface FailedDelivery {
  readonly id: string;
  readonly claim: string;
  /** In Sluice's words. */
  readonly error: string;
  /** Until the next attempt, in milliseconds; undefined: there is none. */
  readonly waitMs: number | undefined;
}

/** Notes that an attempt failed. */
export async function markFailed(db: Database, { id, claim, error, waitMs }: FailedDelivery): Promise<void> {
  const givesUp = waitMs === undefined;
  await db.run(
    (sql) => sql`
      with failed as (
        update deliveries set
          last_error = ${error.slice(0, 500)}, claim = null,
          due_at = case when not ${givesUp} then now() + ${waitMs ?? 0} * interval '1 millisecond' end,
          given_up_at = case when ${givesUp} then now() end
        where id = ${id} and claim = ${claim} and due_at is not null
        returning job_id, connector, last_error, due_at is null as given_up
      ), ${noteGivenUp(sql, sql`failed where given_up`)}
      select from failed`,
  );
}

/**
 * Gives up what is owed since longer than `oldestMs` to one connector, or to any but the `usable` ones: nobody
 * takes it, or nobody can send it. Up to 5,000 at once; returns how many.
 */
export async function giveUpOld(
  db: Database,
  whose: { readonly connector: string } | { readonly usable: readonly string[] },
  oldestMs: number,
  error: string,
): Promise<number> {
  const [row] = await db.run((sql) => {
    const mine =
      'connector' in whose
        ? sql`connector = ${whose.connector}`
        : sql`not (connector = any(array${listSql(sql, whose.usable)}))`;
    return sql<{ count: number }[]>`
      with old as materialized (
        select ctid as at from deliveries
        where due_at is not null and created_at < now() - ${oldestMs} * interval '1 millisecond' and ${mine}
        limit 5000 for update skip locked
      ), failed as (
        update deliveries set
          given_up_at = now(), due_at = null, claim = null, last_error = coalesce(last_error, ${error.slice(0, 500)})
        where ctid = any(array(select at from old)) and due_at is not null
        returning job_id, connector, last_error
      ), ${noteGivenUp(sql, sql`failed`)}
      select count(*)::int as count from failed`;
  });
  return row?.count ?? 0;
}

/** Whether any call is owed that has not been delivered or given up. */
export async function owesDeliveries(db: Database): Promise<boolean> {
  const [row] = await db.run(
    (sql) => sql<{ owes: boolean }[]>`
      select exists (select from deliveries where due_at is not null) as owes`,
  );
  return row?.owes ?? false;
}

/** What has become of the calls that a job owes. */
export interface DeliveryCounts {
  readonly pending: number;
  readonly delivered: number;
  readonly givenUp: number;
  /** Of one that is still tried or was given up, in Sluice's words. */
  readonly lastError: string | null;
}

export async function countDeliveries(db: Database, batchJobId: string): Promise<DeliveryCounts> {
  const [row] = await db.run(
    (sql) => sql<DeliveryCounts[]>`
      select count(*) filter (where due_at is not null)::int as pending,
        count(*) filter (where delivered_at is not null)::int as delivered,
        count(*) filter (where given_up_at is not null)::int as "givenUp",
        (array_agg(last_error order by created_at desc) filter (where last_error is not null))[1] as "lastError"
      from deliveries where job_id = ${batchJobId}`,
  );
  return row ?? { pending: 0, delivered: 0, givenUp: 0, lastError: null };
}

const listSql = (sql: Sql, list: readonly string[]) =>
  sql`(select json_array_elements_text(${JSON.stringify(list)}::text::json))`;

/** CTE that notes what was given up, at most once an hour for a job: a dead receiver can cost it thousands. */
const noteGivenUp = (sql: Sql, givenUp: Fragment) => sql`
  noted as (
    insert into job_events (job_id, kind, message)
    select job_id, 'delivery_given_up', 'A callback to ' || connector || ' was given up: ' || error
    from (
      select job_id, min(connector) as connector, min(last_error) as error from ${givenUp} group by job_id
    ) as jobs
    where not exists (
      select from job_events
      where job_id = jobs.job_id and kind = 'delivery_given_up' and at > now() - interval '1 hour')
  )`;
