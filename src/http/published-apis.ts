import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { OperationContext } from '../operations/context.ts';
import { getPublishedJob } from '../operations/get-published-job.ts';
import { findPublishedApi, startPublished } from '../operations/published-apis.ts';
import { idempotencyKeyOf } from './api/header-value.ts';
import { readJson } from './api/read-body.ts';
import { ask } from './ask.ts';
import { contextOf, type HttpEnvironment, type HttpOptions } from './environment.ts';
import { patienceOf } from './patience.ts';
import { notAllowed, problem, problemOf } from './problem.ts';
import { recordAnswer } from './published-answer.ts';
import { publishedDocument } from './published-openapi.ts';

type Caller = Context<HttpEnvironment>;

/** A flow behind an address, and what is asked of it. */
export type PublishedFlow = NonNullable<z.output<(typeof findPublishedApi)['output']>['found']>;

interface Door {
  readonly found: PublishedFlow;
  readonly context: OperationContext;
}

/** Lets a key that was made for one flow in to what that flow publishes, and nowhere else. */
export function onlyPublished(options: HttpOptions): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    const { flowName } = c.get('principal');
    if (flowName === undefined) return next();
    try {
      if ((await findDoor(options, c)) !== undefined) return next();
    } catch (error) {
      return problemOf(c, error, options.onUnexpected);
    }
    return problem(
      c,
      403,
      'key_not_allowed',
      'This key opens the published API of one flow and nothing else.',
    );
  };
}

/** Flows under paths of their own. */
export function servePublished(app: Hono<HttpEnvironment>, options: HttpOptions): void {
  app.use(async (c, next) => {
    const door = await findDoor(options, c);
    return door === undefined ? next() : answer(door, c);
  });
}

/**
 * Looks among the caller's own flows. A key for one flow opens, where its owner has no such flow, the one of this
 * machine: its jobs belong to the key's owner all the same, so that customers do not see each other's.
 */
async function findDoor(options: HttpOptions, c: Caller): Promise<Door | undefined> {
  const { flowName } = c.get('principal');
  const own = contextOf(options, c);
  const given = { path: c.req.path, ...(flowName === undefined ? {} : { flow: flowName }) };
  const { found } = await ask(own, findPublishedApi, given);
  if (found !== undefined) return { found, context: own };
  if (flowName === undefined) return undefined;
  const { flows } = options.context({ owner: null, signal: c.req.raw.signal });
  const context = { ...own, flows };
  const { found: lent } = await ask(context, findPublishedApi, given);
  return lent === undefined ? undefined : { found: lent, context };
}

function answer(door: Door, c: Caller): Promise<Response> | Response {
  const { method, part } = door.found;
  // Their paths are as many as owners like.
  c.set('recordedAs', `published ${part}`);
  const asked = c.req.method;
  const isAsked = part === 'records' ? asked === method : asked === 'GET' || asked === 'HEAD';
  if (!isAsked) {
    return notAllowed(c, part === 'records' ? method : 'GET, HEAD');
  }
  if (part === 'records') return take(door, c);
  return part === 'job' ? showJob(door, c) : c.json(publishedDocument(door.found));
}

async function take({ found, context }: Door, c: Caller): Promise<Response> {
  const { path, method, flow } = found;
  const key = idempotencyKeyOf(c);
  const body = method === 'GET' ? recordOf(c) : await readJson(c);
  const { batch_job_id, total, status } = await ask(context, startPublished, {
    path,
    flow: flow.name,
    body: body as JsonValue,
    ...(key === undefined ? {} : { idempotency_key: key }),
  });
  const status_url = `${path}/jobs/${batch_job_id}`;
  if (found.response?.is_awaited === true) {
    const wait_seconds = patienceOf(c.req.header('prefer'));
    const job = await ask(context, getPublishedJob, { flow: flow.name, batch_job_id, wait_seconds });
    const done = recordAnswer(c, job, status_url);
    if (done !== undefined) return done;
  }
  return c.json({ batch_job_id, status, total, status_url }, 202, { location: status_url });
}

/** The query as a record. */
function recordOf(c: Caller): Record<string, string> {
  return Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, [value = '', ...more]]) => {
      if (more.length === 0) return [name, value];
      const message = `The query parameter ${name.slice(0, 60)} is given more than once. Nothing was started.`;
      throw new SluiceError('invalid_input', message);
    }),
  );
}

async function showJob({ found, context }: Door, c: Caller): Promise<Response> {
  const { limit, after, ...unknown } = c.req.query();
  const [strange] = Object.keys(unknown);
  if (strange !== undefined) {
    const message = `There is no parameter ${JSON.stringify(strange.slice(0, 60))} (there are limit and after).`;
    throw new SluiceError('invalid_input', message);
  }
  return c.json(
    await ask(context, getPublishedJob, {
      flow: found.flow.name,
      batch_job_id: found.batch_job_id,
      ...(limit === undefined ? {} : { limit: Number(limit) }),
      ...(after === undefined ? {} : { after: Number(after) }),
    }),
  );
}
