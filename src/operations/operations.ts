import { exportBatchErrors } from './export-batch-errors.ts';
import { exportBatchResults } from './export-batch-results.ts';
import { getBatchStatus } from './get-batch-status.ts';
import { getFlow } from './get-flow.ts';
import { getFlowReference } from './get-flow-reference.ts';
import { listBatchJobs } from './list-batch-jobs.ts';
import { listFlows } from './list-flows.ts';
import type { Operation } from './operation.ts';
import { previewBatch } from './preview-batch.ts';
import { retryBatchFailedRecords } from './retry-batch-failed-records.ts';
import { saveFlow } from './save-flow.ts';
import { searchLogs } from './search-logs.ts';
import { startBatch } from './start-batch.ts';
import { undoBatch } from './undo-batch.ts';
import { updateBatch } from './update-batch.ts';

/** Everything a caller can ask for, in the order it is listed. */
export const operations: readonly Operation[] = [
  previewBatch,
  startBatch,
  getBatchStatus,
  listBatchJobs,
  exportBatchErrors,
  exportBatchResults,
  retryBatchFailedRecords,
  updateBatch,
  undoBatch,
  listFlows,
  getFlow,
  getFlowReference,
  saveFlow,
  searchLogs,
] as unknown as readonly Operation[];
