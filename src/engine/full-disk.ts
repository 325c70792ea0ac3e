import { setObstacle } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import { isDiskFull } from '../store/database-fault.ts';

const obstacle =
  'The disk that the database writes to is full. Make room there; then the job goes on (`sluice run`, if no other process does it).';

/** Puts into a job's status that the disk is full, if that is what the error says: small changes mostly still fit. */
export async function noteFullDisk(db: Database, batchJobId: string, error: unknown): Promise<void> {
  if (isDiskFull(error)) await setObstacle(db, batchJobId, obstacle).catch(() => {});
}
