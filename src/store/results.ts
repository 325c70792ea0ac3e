import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';

/** A finished record with what the flow returned for it. */
export interface RecordResult {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly payload: JsonValue;
  readonly result: JsonValue;
}

/** Finished records with one of the statuses, in the order of the input. */
export async function listResults(
  db: Database,
  batchJobId: string,
  page: { readonly after: number; readonly limit: number; readonly statuses: readonly RecordStatus[] },
): Promise<RecordResult[]> {
  return db.run(
    (sql) => sql<RecordResult[]>`
      select idx as index, record_id as id, status, payload, result from records
      where job_id = ${batchJobId} and idx > ${page.after}
        and status = any(array(select json_array_elements_text(${JSON.stringify(page.statuses)}::text::json))::record_status[])
      order by idx limit ${page.limit}`,
  );
}
