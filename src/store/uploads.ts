import type { Database } from './database.ts';

/** A file that was sent over HTTP, or fetched. */
export interface Upload {
  readonly id: string;
  /** As the sender calls it, or the URL it was fetched from, without its query. */
  readonly name: string;
  /** Its name in the folder of uploads. */
  readonly file: string;
  readonly bytes: number;
  readonly createdAt: Date;
}

export interface UploadPage {
  /** Only those before this one, in the order of the list. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Bytes of everything that the owner keeps. */
export async function uploadedBytes(db: Database): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ bytes: number }[]>`
      select coalesce(sum(bytes), 0)::float8 as bytes from uploads
      where owner is not distinct from ${db.owner ?? null}::text`,
  );
  return row?.bytes ?? 0;
}

/**
 * Notes an upload whose file is in its place, and answers with when its age began, as Postgres writes it. undefined:
 * the owner would keep more than `quota` bytes with it. Those that arrive in the same moment do not see each other.
 */
export async function addUpload(
  db: Database,
  upload: Omit<Upload, 'createdAt'>,
  quota: number | undefined,
): Promise<string | undefined> {
  const { id, name, file, bytes } = upload;
  const owner = db.owner ?? null;
  const [row] = await db.run(
    (sql) => sql<{ since: string }[]>`
      with added as (
        insert into uploads (id, owner, name, file, bytes)
        select ${id}, ${owner}, ${name}, ${file}, ${bytes}
        where ${quota ?? null}::float8 is null or ${quota ?? null}::float8 >= ${bytes} + (
          select coalesce(sum(bytes), 0) from uploads where owner is not distinct from ${owner}::text)
        on conflict (id) do nothing
        returning created_at)
      select created_at::text as since from added
      union all select created_at::text from uploads where id = ${id}`,
  );
  return row?.since;
}

export async function findUpload(db: Database, id: string): Promise<Upload | undefined> {
  const [row] = await db.run(
    (sql) => sql<Row[]>`
      select id, name, file, bytes::float8 as bytes, created_at as "createdAt" from uploads
      where id = ${id} and (${db.owner === undefined} or owner is not distinct from ${db.owner ?? null}::text)`,
  );
  return row && uploadOf(row);
}

/** The newest few uploads of the owner that are called so and have so many bytes, newest first. */
export async function findNamedUploads(db: Database, name: string, bytes: number): Promise<Upload[]> {
  const rows = await db.run(
    (sql) => sql<Row[]>`
      select id, name, file, bytes::float8 as bytes, created_at as "createdAt" from uploads
      where name = ${name} and bytes = ${bytes} and owner is not distinct from ${db.owner ?? null}::text
      order by id desc limit 8`,
  );
  return rows.map(uploadOf);
}

/** Lets the age of an upload begin anew. False: it is not there any more. */
export async function renewUpload(db: Database, id: string): Promise<boolean> {
  const rows = await db.run((sql) => sql`update uploads set created_at = now() where id = ${id} returning 1`);
  return rows.length === 1;
}

/** Uploads, newest first. */
export async function listUploads(db: Database, { before, limit }: UploadPage): Promise<Upload[]> {
  const rows = await db.run(
    (sql) => sql<Row[]>`
      select id, name, file, bytes::float8 as bytes, created_at as "createdAt" from uploads
      where (${db.owner === undefined} or owner is not distinct from ${db.owner ?? null}::text)
        ${before === undefined ? sql`` : sql`and id < ${before}::uuid`}
      order by id desc limit ${limit}`,
  );
  return rows.map(uploadOf);
}

/**
 * Forgets an upload that no unfinished job reads. False: one does, or it is not there, or its age has begun anew after
 * `since`, if that is given.
 */
export async function removeUpload(db: Database, id: string, since?: string): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      delete from uploads where id = ${id}
        and (${since ?? null}::timestamptz is null or created_at = ${since ?? null}::timestamptz)
        and (${db.owner === undefined} or owner is not distinct from ${db.owner ?? null}::text)
        and not exists (
          select from batch_jobs where finished_at is null and source->'upload'->>'id' = ${id}::text)
      returning 1`,
  );
  return rows.length === 1;
}

/** Forgets up to `limit` uploads older than `olderThanMs` that no unfinished job reads. Returns their files. */
export async function removeOldUploads(db: Database, olderThanMs: number, limit = 100): Promise<string[]> {
  const rows = await db.run(
    (sql) => sql<{ file: string }[]>`
      delete from uploads where ctid = any(array(
        select ctid from uploads
        where created_at < now() - ${olderThanMs} * interval '1 millisecond'
          and not exists (
            select from batch_jobs where finished_at is null and source->'upload'->>'id' = uploads.id::text)
        limit ${limit}))
      returning file`,
  );
  return rows.map(({ file }) => file);
}

/** Which of these files belong to an upload. */
export async function knownFiles(db: Database, files: readonly string[]): Promise<string[]> {
  const rows = await db.run(
    (sql) => sql<{ file: string }[]>`
      select file from uploads
      where file in (select json_array_elements_text(${JSON.stringify(files)}::text::json))`,
  );
  return rows.map(({ file }) => file);
}

interface Row extends Omit<Upload, 'createdAt'> {
  /** As Postgres writes it. */
  readonly createdAt: string | Date;
}

const uploadOf = (row: Row): Upload => ({ ...row, createdAt: new Date(row.createdAt) });
