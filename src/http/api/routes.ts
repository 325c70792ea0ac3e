import { eventRoutes } from './batch-events.ts';
import { batchRoutes } from './batch-routes.ts';
import { documentRoutes } from './document-routes.ts';
import { downloadRoutes } from './download-routes.ts';
import { flowRoutes } from './flow-routes.ts';
import { recordRoutes } from './record-routes.ts';
import type { Route } from './route.ts';
import { ticketRoutes } from './ticket-routes.ts';
import { uploadRoutes } from './upload-routes.ts';

const table: readonly Route[] = [
  ...batchRoutes,
  ...downloadRoutes,
  ...eventRoutes,
  ...recordRoutes,
  ...flowRoutes,
  ...uploadRoutes,
  ...ticketRoutes,
];

/** Everything below `/api/v1`, in the order it is documented. */
export const routes: readonly Route[] = [...table, ...documentRoutes(table)];
