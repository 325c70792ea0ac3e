import type { Counts } from './counts.tsx';
import type { ErrorGroup } from './groups.tsx';

/* What the API answers with, as far as the page shows it; docs/http-api.md leads to all of it. */

export interface JobSummary {
  readonly batch_job_id: string;
  readonly status: string;
  readonly finished: boolean;
  readonly total: number;
  readonly flow: string;
  readonly label?: string;
  readonly source: string;
  readonly counts: Counts;
  readonly failed_now: number;
  readonly created_at: string;
  readonly finished_at?: string;
}

export interface JobsAnswer {
  readonly jobs: readonly JobSummary[];
  readonly next_cursor?: string;
}

export interface Job {
  readonly batch_job_id: string;
  readonly status: string;
  readonly finished: boolean;
  readonly total: number;
  readonly flow: { readonly name: string; readonly version: number | null; readonly revision: string };
  readonly label?: string;
  readonly counts: Counts;
  readonly failed_now: number;
  readonly rate: number | null;
  readonly eta_seconds: number | null;
  readonly wave: number;
  readonly concurrency: number;
  readonly intake?: { readonly state: 'reading' | 'stopped'; readonly rows_read: number };
  readonly waiting_for?: { readonly kind: string; readonly since: string; readonly text: string };
  readonly paused?: {
    readonly kind: string;
    readonly since: string;
    readonly message: string;
    readonly tries_again_at?: string;
  };
  readonly throttled?: readonly { readonly text: string }[];
  readonly stopped_by?: { readonly message: string };
  readonly ending?: {
    readonly status: string;
    readonly error?: { readonly message: string; readonly untrusted_message?: string };
    readonly result?: unknown;
  };
  readonly purged?: object;
  readonly maybe_applied: number;
  readonly error_groups: readonly ErrorGroup[];
  readonly more_error_groups?: { readonly groups: number; readonly failures: number };
  readonly started_at: string | null;
  readonly finished_at?: string;
}

export interface ThroughputAnswer {
  readonly step_seconds: number;
  readonly stretches: readonly { readonly at: string; readonly done: number; readonly failed: number }[];
}

export interface RecordError {
  readonly class: string;
  readonly code: string;
  readonly message: string;
  readonly untrusted_message?: string;
  readonly step?: string;
}

export interface ListedRecord {
  readonly index: number;
  readonly id?: string;
  readonly status: string;
  readonly attempts: number;
  readonly dead_letter?: boolean;
  readonly maybe_applied?: boolean;
  readonly payload: unknown;
  readonly result?: unknown;
  readonly error?: RecordError;
}

export interface RecordsAnswer {
  readonly total: number;
  readonly records: readonly ListedRecord[];
  readonly next_cursor?: string;
}

export interface HistoryLine {
  readonly at: string;
  readonly kind: string;
  readonly attempt?: number;
  readonly class?: string;
  readonly code?: string;
  readonly step?: string;
  readonly message?: string;
  readonly untrusted_message?: string;
  readonly maybe_applied?: boolean;
}

export interface RecordStory {
  readonly record: {
    readonly index: number;
    readonly id?: string;
    readonly status: string;
    readonly attempts: number;
    readonly wave: number;
    readonly dead_letter?: boolean;
    readonly maybe_applied?: boolean;
    readonly held?: boolean;
    readonly waits_until?: string;
    readonly payload: unknown;
    readonly earlier_payloads?: readonly {
      readonly revision: number;
      readonly replaced_at: string;
      readonly payload: unknown;
    }[];
    readonly result?: unknown;
  };
  readonly lines: readonly HistoryLine[];
  readonly next_cursor?: string;
}

interface Missing {
  readonly reason: string;
  readonly setup_command?: string;
}

export interface FlowsAnswer {
  readonly flows: readonly {
    readonly name: string;
    readonly version: number | null;
    readonly description?: string;
    readonly summary: string;
    readonly runnable: boolean;
    readonly missing?: readonly Missing[];
  }[];
  readonly invalid: readonly { readonly file: string; readonly problems: readonly string[] }[];
  readonly drafts: readonly {
    readonly name: string;
    readonly reasons: readonly string[];
    readonly approve_command: string;
  }[];
  readonly connectors: readonly {
    readonly name: string;
    readonly type: string;
    readonly target: string;
    readonly ready: boolean;
    readonly missing?: Missing;
  }[];
}

export interface FlowAnswer {
  readonly name: string;
  readonly version: number | null;
  readonly revision: string;
  readonly kind: string;
  readonly description?: string;
  readonly summary: string;
  readonly runnable: boolean;
  readonly missing?: readonly Missing[];
  readonly draft?: { readonly reasons: readonly string[]; readonly approve_command: string };
  readonly expects: readonly { readonly path: string; readonly required: boolean; readonly form?: string }[];
  readonly parameters: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly type?: string;
    readonly default?: unknown;
    readonly description?: string;
  }[];
  readonly connectors: readonly string[];
  readonly needs: readonly string[];
  readonly undo?: string;
  readonly retry: string;
  readonly defaults: {
    readonly concurrency?: number;
    readonly on_record_failure: string;
    readonly max_failures?: number;
    readonly id_field?: string;
  };
  readonly text: string;
}

export interface PreviewAnswer {
  readonly rows: number;
  readonly bad_rows: number;
  readonly complete: boolean;
  readonly source: { readonly format: string; readonly note?: string; readonly broken?: string };
  readonly columns: readonly { readonly name: string; readonly type: string; readonly empty?: number }[];
  readonly more_columns?: number;
  readonly rehearsed?: string;
  readonly counts?: {
    readonly would_send: number;
    readonly would_fail: number;
    readonly would_skip: { readonly duplicates: number; readonly unchanged: number };
  };
  readonly problems: readonly {
    readonly count: number;
    readonly error_class: string;
    readonly message: string;
    readonly untrusted_message?: string;
    readonly sample_lines?: readonly number[];
    readonly sample_indexes: readonly number[];
    readonly advice: string;
  }[];
  readonly more_problems?: number;
  readonly untrusted_requests?: readonly unknown[];
  readonly targets?: readonly {
    readonly connector: string;
    readonly host?: string;
    readonly methods: readonly string[];
  }[];
  readonly missing?: readonly string[];
  readonly estimate?: { readonly seconds: number | null; readonly limit: string };
  readonly plan_digest?: string;
}

export interface DeadLetter {
  readonly batch_job_id: string;
  readonly flow: string;
  readonly index: number;
  readonly id?: string;
  readonly attempts: number;
  readonly maybe_applied?: boolean;
  readonly error: RecordError;
}

export interface DeadLettersAnswer {
  readonly total_failed: number;
  readonly errors: readonly DeadLetter[];
  readonly next_cursor?: string;
}
