import type { Engine } from '../engine/engine.ts';
import type { FetchFile } from '../engine/fetch-file.ts';
import type { OpenPreview } from '../engine/preview-flow.ts';
import type { Readiness } from '../engine/readiness.ts';
import type { TryFlow } from '../engine/try-flow.ts';
import type { Drafts } from '../flows/drafts.ts';
import type { FlowLibrary } from '../flows/flow-library.ts';
import type { AllowedRoots } from '../sources/allowed-roots.ts';
import type { Database } from '../store/database.ts';

/** The store and engine of this process, once something needs them. */
export interface OpenedSluice {
  readonly db: Database;
  readonly engine: Engine;
  /** Makes sure that a process outlives this one and finishes what it leaves. Never rejects. */
  ensureStandby(): Promise<void>;
}

export interface Limits {
  readonly maxConcurrency: number;
  readonly maxRecordBytes: number;
  readonly leaseMs: number;
  readonly maxUploadBytes: number;
  readonly uploadQuotaBytes: number;
  /** The operator lets flows run programs of this machine. */
  readonly allowCodeSteps: boolean;
}

/** What an operation may use. */
export interface OperationContext {
  /** Opens the database on first use, so that listing what can be asked for starts nothing. */
  readonly open: () => Promise<OpenedSluice>;
  /** Whether it has been opened; default: it has. */
  readonly isOpen?: () => boolean;
  readonly flows: FlowLibrary;
  /** Flows that wait for a person's word. */
  readonly drafts: Drafts;
  /** What this process has to run flows with. */
  readonly readiness: Readiness;
  readonly tryFlow: TryFlow;
  readonly preview: OpenPreview;
  readonly fetchFile: FetchFile;
  /** Folders that records may be read from. */
  readonly files: () => Promise<AllowedRoots>;
  readonly exportsFolder: string;
  readonly uploadsFolder: string;
  /** A program reads the answer: nothing in it is cut to fit a conversation, and it asks for files itself. */
  readonly isForProgram?: boolean;
  /** The caller may be on another machine, and downloads what is on this one. */
  readonly isRemote?: boolean;
  /**
   * The process ends with the answer, so files are finished before it, however many records they hold. Told how many
   * when that takes a while. Default: such files are finished after the answer.
   */
  readonly awaitFiles?: (records: number) => void;
  readonly limits: Limits;
  /**
   * Counts records that are about to be started against what the caller may start in a time; default: no limit.
   * Returns what gives them back.
   *
   * @throws SluiceError `rate_limited`
   */
  readonly spend?: ((records: number) => () => void) | undefined;
  /** Aborted when the caller does not wait any more; ends the waiting, never the job. */
  readonly signal: AbortSignal;
  /** Aborted when the process ends: who waits then is told the present state at once; default: never. */
  readonly ending?: AbortSignal;
  /** Tells a caller who listens how far it has come. */
  readonly progress?: ((report: ProgressReport) => void) | undefined;
}

export interface ProgressReport {
  readonly done: number;
  readonly total: number;
  readonly message: string;
}
