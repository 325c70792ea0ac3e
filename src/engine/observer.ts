import type { Outcome, RecordStatus } from '../domain/record.ts';

/** Told what happens in this process, for those who measure it: names and numbers, as it happens. Nothing of it throws. */
export interface Observer {
  /** `count` records of a flow have got this status for good. */
  settled(flow: string, status: RecordStatus, count: number): void;
  /** A run of the flow over a record or a chunk begins. */
  attemptBegan(flow: string): void;
  attemptEnded(flow: string, ms: number, outcome: Outcome['kind']): void;
  /** Records that a process which has ended left under way are this one's now. */
  tookOver(count: number): void;
  /** One attempt at a callback is over. */
  delivered(accepted: boolean): void;
}
