import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { jobStatuses } from './domain/job.ts';
import type { Observer } from './engine/observer.ts';
import type { MetricsText } from './http/metrics-endpoint.ts';
import type { EndedRequest, RequestObserver } from './http/record-request.ts';
import type { Measurements } from './store/measurements.ts';

/** Each label value is a time series of its own, for ever; what flows are named beyond these is `other`. */
const flowsAtMost = 100;

const attemptSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface Metrics extends MetricsText {
  /** For the engine of this process. */
  readonly observer: Observer;
  /** For the HTTP server of this process. */
  readonly requests: RequestObserver;
}

/** Measures this process, and on each reading asks `measure` for the whole database; undefined: it does not answer. */
export function createMetrics(measure: () => Promise<Measurements | undefined>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const tell = databaseGauges(registry);
  return {
    observer: engineMetrics(registry),
    requests: requestMetrics(registry),
    contentType: registry.contentType,
    async text() {
      tell(await measure());
      return registry.metrics();
    },
  };
}

function engineMetrics(registry: Registry): Observer {
  const registers = [registry];
  const records = new Counter({
    name: 'sluice_records_total',
    help: 'Records this process brought to a final status',
    labelNames: ['flow', 'status'],
    registers,
  });
  const attempts = new Histogram({
    name: 'sluice_attempt_duration_seconds',
    help: 'Time of one run of a flow over a record or a chunk',
    labelNames: ['flow', 'outcome'],
    buckets: attemptSeconds,
    registers,
  });
  const inFlight = new Gauge({
    name: 'sluice_attempts_in_flight',
    help: 'Runs of flows under way in this process',
    labelNames: ['flow'],
    registers,
  });
  const takenOver = new Counter({
    name: 'sluice_lease_takeovers_total',
    help: 'Jobs taken over from a process that had ended with records under way',
    registers,
  });
  const rescued = new Counter({
    name: 'sluice_records_taken_over_total',
    help: 'Records that were under way in a process that had ended',
    registers,
  });
  const deliveries = new Counter({
    name: 'sluice_delivery_attempts_total',
    help: 'Attempts of this process at callbacks',
    labelNames: ['result'],
    registers,
  });
  const labelOf = boundedLabels(flowsAtMost);
  return {
    settled: (flow, status, count) => records.inc({ flow: labelOf(flow), status }, count),
    attemptBegan: (flow) => inFlight.inc({ flow: labelOf(flow) }),
    attemptEnded(flow, ms, outcome) {
      const label = labelOf(flow);
      inFlight.dec({ flow: label });
      attempts.observe({ flow: label, outcome }, ms / 1000);
    },
    tookOver(count) {
      takenOver.inc();
      rescued.inc(count);
    },
    delivered: (accepted) => deliveries.inc({ result: accepted ? 'accepted' : 'refused' }),
  };
}

/** The first names as they are; for ever the same answer to the same name. */
function boundedLabels(atMost: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (!known.has(name) && known.size >= atMost) return 'other';
    known.add(name);
    return name;
  };
}

function requestMetrics(registry: Registry): RequestObserver {
  const registers = [registry];
  const requests = new Counter({
    name: 'sluice_http_requests_total',
    help: 'HTTP requests that are over',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const duration = new Histogram({
    name: 'sluice_http_request_duration_seconds',
    help: 'Time from the head of a request to the last byte of its answer, without streams',
    labelNames: ['method', 'route'],
    buckets: requestSeconds,
    registers,
  });
  const streams = new Gauge({
    name: 'sluice_http_open_streams',
    help: 'Streams of events that are being read',
    registers,
  });
  return {
    ended({ method, route, status, ms, isStream }: EndedRequest) {
      requests.inc({ method, route, status: String(status) });
      if (!isStream) duration.observe({ method, route }, ms / 1000);
    },
    streamOpened: () => streams.inc(),
    streamClosed: () => streams.dec(),
  };
}

/** Gauges of the whole database, and how they are told. Without an answer they have no value, rather than an old one. */
function databaseGauges(registry: Registry): (found: Measurements | undefined) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const up = gauge('sluice_database_up', '1: the database answers');
  const jobs = new Gauge({
    name: 'sluice_jobs',
    help: 'Jobs in the database',
    labelNames: ['status'],
    registers: [registry],
  });
  const values = {
    pending: gauge('sluice_records_pending', 'Records of unfinished jobs that wait'),
    processing: gauge('sluice_records_processing', 'Records that processes have claimed'),
    intakeLag: gauge('sluice_intake_lag_seconds', 'Age of the oldest job whose source is being read'),
    claimLag: gauge('sluice_claim_lag_seconds', 'Time for which the oldest due record has waited'),
    deliveriesPending: gauge('sluice_deliveries_pending', 'Callbacks that are owed'),
    deliveriesFailed: gauge('sluice_deliveries_failed', 'Callbacks that were given up'),
  };
  return (found) => {
    up.set(found === undefined ? 0 : 1);
    jobs.reset();
    for (const each of Object.values(values)) each.remove();
    if (found === undefined) return;
    for (const status of jobStatuses) jobs.set({ status }, found.jobs[status] ?? 0);
    for (const [name, each] of Object.entries(values)) each.set(found[name as keyof typeof values]);
  };
}
