/** What can happen to a job. */
export const jobEventKinds = [
  'started',
  'approved',
  'paused',
  'resumed',
  'limit_reached',
  'circuit_opened',
  'circuit_closed',
  'ramp_step',
  'changed',
  'cancelled',
  'taken_over',
  'intake_stopped',
  'retried',
  'patched',
  'finished',
  'delivery_given_up',
  'purged',
] as const;
export type JobEventKind = (typeof jobEventKinds)[number];
