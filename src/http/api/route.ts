import type { Context } from 'hono';
import type { z } from 'zod';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { Operation } from '../../operations/operation.ts';
import type { HttpEnvironment, HttpOptions } from '../environment.ts';
import type { Tickets } from '../tickets.ts';
import type { BatchWatch } from './batch-watch.ts';

/** Where the API begins. */
export const apiBase = '/api/v1';

export type ApiContext = Context<HttpEnvironment>;

/** What the routes get besides what every part of the HTTP surface gets. */
export interface ApiOptions extends HttpOptions {
  readonly tickets: Tickets;
  readonly watch: BatchWatch;
}

interface Place {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below `apiBase`, as OpenAPI writes it. */
  readonly path: string;
  /** Unique; clients that are generated name their functions so. */
  readonly id: string;
  readonly group: string;
  readonly summary: string;
}

/** A path that asks an operation: the names in its braces are parameters of the operation. */
export interface OperationRoute extends Place {
  readonly operation: Operation;
  /** Parameters in the query, by their name there, with the parameter of the operation each gives. */
  readonly query?: Readonly<Record<string, QueryParameter>>;
  /** Whether the other parameters come as JSON; default: they cannot be given. */
  readonly body?: 'required' | 'optional';
  /** Parameters that are the same in every call. */
  readonly fixed?: JsonObject;
  /** Header that gives a parameter as well. */
  readonly header?: { readonly name: string; readonly parameter: string; readonly about: string };
  /** Brings other words for the same into those of the operation. */
  readonly reshape?: (given: JsonObject) => JsonValue;
  /** Fields of the body that are other words for those of the operation. */
  readonly aliases?: Readonly<Record<string, JsonObject>>;
  /** The body may also be the text of this parameter itself. */
  readonly text?: { readonly mediaTypes: readonly string[]; readonly parameter: string };
  /** Answers that an operation gives and that over HTTP are refusals. @throws Refusal */
  readonly refuse?: (answer: JsonObject) => void;
  /** What the answer says besides. */
  readonly extend?: (answer: JsonObject) => JsonObject;
  /** Schemas of the fields that `extend` adds. */
  readonly added?: Readonly<Record<string, JsonObject>>;
  /** Schemas of fields that it adds to the items of a list. */
  readonly addedWithin?: { readonly list: string; readonly fields: JsonObject };
  readonly status?: (answer: JsonObject) => 200 | 201 | 202;
  /** Statuses an answer may have; default 200. */
  readonly statuses?: readonly number[];
  readonly headers?: (answer: JsonObject) => Record<string, string>;
  readonly example?: { readonly request?: JsonValue; readonly query?: string };
}

export interface QueryParameter {
  /** Default: the name in the query. */
  readonly parameter?: string;
  /** Words for a value that stand for others. */
  readonly words?: Readonly<Record<string, string>>;
  readonly byDefault?: JsonValue;
  readonly isRequired?: boolean;
  readonly about?: string;
  /** Default: that of the parameter of the operation. */
  readonly schema?: JsonObject;
}

/** A path whose answer, or whose question, is a stream. */
export interface StreamRoute extends Place {
  readonly handle: (c: ApiContext, options: ApiOptions) => Promise<Response>;
  /** Parameters as OpenAPI describes them, those of the path excepted. */
  readonly parameters?: readonly JsonObject[];
  readonly requestBody?: JsonObject;
  /** The good answer as OpenAPI describes it, by its status. */
  readonly responses: Readonly<Record<string, JsonObject>>;
}

export type Route = OperationRoute | StreamRoute;

/** A route of an operation whose types it forgets: what comes in is checked, what goes out is parsed. */
export function route<Input extends z.ZodType, Output extends z.ZodType>(
  given: Omit<OperationRoute, 'operation'> & { readonly operation: Operation<Input, Output> },
): OperationRoute {
  return given as unknown as OperationRoute;
}

export const keyHeader = {
  name: 'Idempotency-Key',
  parameter: 'idempotency_key',
  about: 'The same as idempotency_key in the body',
} as const;

/** A preview begins nothing, nor does a call that is answered again. */
export const retryStatus = ({ preview, replayed }: JsonObject) =>
  preview === undefined && replayed !== true ? 202 : 200;

/** The names in the braces of a path. */
export const pathNames = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
