import type { JsonValue } from '../domain/json.ts';
import type { Secret } from './secret.ts';

/** One call to a connector's target. The host is the connector's; a record fills only the rest. */
export interface HttpRequest {
  readonly method: string;
  /** Path below the connector's base URL, already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON, unless a header names a content type of another kind. */
  readonly body?: JsonValue | undefined;
  /** Sent as `Idempotency-Key` with methods that write. */
  readonly idempotencyKey?: string;
  /** Total time of the attempt in milliseconds; default: the connector's. */
  readonly timeoutMs?: number | undefined;
  /** Name of the step, for the failure. */
  readonly step?: string;
  /** The whole answer is wanted, up to 1 MiB, because a later step reads it. */
  readonly whole?: boolean | undefined;
  /** Statuses that count as success; default: 2xx. */
  readonly accepts?: ((status: number) => boolean) | undefined;
  /** Looks at an answer whose status is accepted; undefined: it is a success. */
  readonly judge?: ((answer: HttpAnswer) => Refusal | undefined) | undefined;
  /** Secrets the request holds besides the connector's own: masked wherever the answer repeats them. */
  readonly secrets?: readonly Secret[];
  /** The endpoint as the flow writes it, for the failure; default: the path without its query. */
  readonly endpoint?: string;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when the target says JSON, else text; null when empty. Cut to 64 KiB unless the whole is wanted. */
  readonly body: JsonValue;
}

/** Code of the failure when an answer with a good status is not what the flow calls a success. */
export const answerNotAccepted = 'answer_not_accepted';

/** Why an answer with a good status is no success. */
export interface Refusal {
  readonly errorClass: 'data' | 'transient';
  readonly code: string;
  /** Goes on behind "shop answered 200 to POST /orders". */
  readonly words: string;
  /** The answer does not tell whether the target has acted. */
  readonly isDoubtful: boolean;
}

export interface HttpConnector {
  readonly name: string;
  /** @throws RecordFailure for every answer that is no success and for no answer at all. */
  call(request: HttpRequest): Promise<HttpAnswer>;
}
