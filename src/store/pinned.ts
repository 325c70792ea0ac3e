import { eq } from 'drizzle-orm';
import type { JsonObject } from '../domain/json.ts';
import type { Database } from './database.ts';
import { batchJobs, type FlowKind, flowRevisions } from './schema.ts';

/** What a job was started with: the flow as it was then, and the values that came along. */
export interface Pinned {
  readonly text: string;
  readonly kind: FlowKind;
  readonly params: JsonObject;
}

export async function getPinned(db: Database, batchJobId: string): Promise<Pinned | undefined> {
  const [row] = await db.read((reader) =>
    reader
      .select({ text: flowRevisions.body, kind: flowRevisions.kind, params: batchJobs.params })
      .from(batchJobs)
      .innerJoin(flowRevisions, eq(flowRevisions.revision, batchJobs.flowRevision))
      .where(eq(batchJobs.id, batchJobId)),
  );
  return row;
}
