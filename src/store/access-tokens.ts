import type { Database } from './database.ts';

/** Who a token speaks for. */
export interface TokenHolder {
  readonly owner: string;
  /** It opens only the published API of this flow; null: everything of its owner. */
  readonly flowName: string | null;
}

/** A token as it is listed: nobody can tell the token itself any more. */
export interface AccessToken extends TokenHolder {
  readonly id: string;
  readonly prefix: string;
  readonly label: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

export interface NewToken extends TokenHolder {
  readonly id: string;
  /** SHA-256 of the token, in hexadecimal digits. */
  readonly digest: string;
  readonly prefix: string;
  readonly label: string | null;
  /** How long it is good for, in milliseconds; null: for ever. */
  readonly lifeMs: number | null;
}

export async function addToken(db: Database, token: NewToken): Promise<void> {
  await db.run(
    (sql) => sql`
      insert into access_tokens (id, digest, prefix, owner, flow_name, label, expires_at)
      values (${token.id}, ${token.digest}, ${token.prefix}, ${token.owner}, ${token.flowName}, ${token.label},
        now() + ${token.lifeMs}::float8 * interval '1 millisecond')
      on conflict do nothing`,
  );
}

/** Undefined: there is none with this digest, or it has expired. */
export async function findToken(db: Database, digest: string): Promise<TokenHolder | undefined> {
  const [row] = await db.run(
    (sql) => sql<TokenHolder[]>`
      select owner, flow_name as "flowName" from access_tokens
      where digest = ${digest} and (expires_at is null or expires_at > now())`,
  );
  return row;
}

/** Tokens that have not expired, the oldest first. */
export async function listTokens(db: Database): Promise<AccessToken[]> {
  return db.run(
    (sql) => sql<AccessToken[]>`
      select id, prefix, owner, flow_name as "flowName", label, created_at as "createdAt", expires_at as "expiresAt"
      from access_tokens where expires_at is null or expires_at > now() order by created_at, id`,
  );
}

/**
 * Lets the token whose id begins so expire, in so many milliseconds at the latest. Returns how many there were:
 * with more than one nothing was changed.
 */
export async function expireToken(db: Database, idPrefix: string, inMs: number): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      with meant as (
        select id from access_tokens
        where starts_with(id::text, ${idPrefix}) and (expires_at is null or expires_at > now())
      ), ended as (
        update access_tokens
        set expires_at = least(expires_at, now() + ${inMs}::float8 * interval '1 millisecond')
        where id in (select id from meant) and (select count(*) from meant) = 1
      )
      select count(*)::int as count from meant`,
  );
  return row?.count ?? 0;
}

/**
 * Makes a token with the rights, the label and the span of life of the one whose id begins so, which expires in so
 * many milliseconds at the latest. With none or more than one such token nothing is changed. `holder`: of the new one.
 */
export async function rotateToken(
  db: Database,
  idPrefix: string,
  token: Pick<NewToken, 'id' | 'digest' | 'prefix'>,
  graceMs: number,
): Promise<{ readonly count: number; readonly holder: TokenHolder | undefined }> {
  const rows = await db.run(
    (sql) => sql<(TokenHolder & { count: number })[]>`
      with meant as (
        select * from access_tokens
        where starts_with(id::text, ${idPrefix}) and id <> ${token.id} and (expires_at is null or expires_at > now())
      ), one as (
        select * from meant where (select count(*) from meant) = 1
      ), made as (
        insert into access_tokens (id, digest, prefix, owner, flow_name, label, expires_at)
        select ${token.id}, ${token.digest}, ${token.prefix}, owner, flow_name, label, now() + (expires_at - created_at)
        from one
        on conflict do nothing
      ), ended as (
        update access_tokens
        set expires_at = least(expires_at, now() + ${graceMs}::float8 * interval '1 millisecond')
        where id in (select id from one)
      )
      select owner, flow_name as "flowName", 1 as count from access_tokens where id = ${token.id}
      union all
      select owner, flow_name, (select count(*) from meant)::int from meant
      limit 1`,
  );
  const [row] = rows;
  return { count: row?.count ?? 0, holder: row };
}
