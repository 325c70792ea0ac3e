import type { ThroughputAnswer } from './answers.ts';
import type { Sample } from './use-job.ts';

/** Speeds over time as uPlot takes them: moments in seconds, records a second, failures a second. */
export type Speeds = readonly [number[], number[], number[]];

/** Events come up to four times a second; shorter stretches would only show noise. */
const shortestSeconds = 1;
const pointsAtMost = 1500;

/** What the API knows of the past. Stretches in which nothing was settled are drawn as such. */
export function speedsOf({ step_seconds: step, stretches }: ThroughputAnswer): Speeds {
  const speeds: Speeds = [[], [], []];
  let expected: number | undefined;
  for (const { at, done, failed } of stretches) {
    const from = Date.parse(at) / 1000;
    if (expected !== undefined && from > expected + step / 2) {
      add(speeds, expected, 0, 0);
      add(speeds, from - step, 0, 0);
    }
    add(speeds, from, done / step, failed / step);
    expected = from + step;
  }
  return speeds;
}

/** The same with what has happened between two samples, once they are far enough apart. */
export function withSample(speeds: Speeds, before: Sample, now: Sample): Speeds | undefined {
  const seconds = now.at - before.at;
  if (seconds < shortestSeconds && !now.finished) return undefined;
  const done = settledIn(now) - settledIn(before);
  // A retry has taken records back.
  if (seconds <= 0 || done < 0) return speeds;
  const longer: Speeds = [[...speeds[0]], [...speeds[1]], [...speeds[2]]];
  add(longer, now.at, done / seconds, Math.max(failedIn(now) - failedIn(before), 0) / seconds);
  for (const values of longer) values.splice(0, values.length - pointsAtMost);
  return longer;
}

function add([moments, all, failed]: Speeds, at: number, done: number, broken: number): void {
  // uPlot wants moments that grow.
  if (at <= (moments.at(-1) ?? Number.NEGATIVE_INFINITY)) return;
  moments.push(at);
  all.push(done);
  failed.push(broken);
}

const failedIn = ({ counts }: Sample) => counts.failed + counts.retried_failed;
const settledIn = (sample: Sample) =>
  sample.counts.succeeded + sample.counts.retried_success + failedIn(sample);
