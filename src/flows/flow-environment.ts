import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Secret, scrubber } from '../connectors/secret.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { BrokenRun } from './broken-run.ts';
import { ChunkResult } from './chunk-result.ts';
import type { FlowResult } from './flow.ts';

/** The environment variables a flow names, as its steps see them. */
export interface FlowEnvironment {
  readonly values: JsonObject;
  readonly secrets: readonly Secret[];
  /** With the values masked wherever a text repeats them. */
  scrubbed(value: JsonValue): JsonValue;
  /** As `scrubbed`, of whatever a run gives back or fails with. */
  masked<Result extends FlowResult>(run: () => Result | Promise<Result>): Result | Promise<Result>;
}

/** Variables that configure this process; they are no business of flows. */
export const isSluicesOwn = (name: string) => /^(DATABASE_URL|SLUICE_.*)$/i.test(name);

const empty: FlowEnvironment = {
  values: {},
  secrets: [],
  scrubbed: (value) => value,
  masked: (run) => run(),
};

/** Looks the variables up once for each set of connectors, which is opened anew when secrets change. */
export function flowEnvironment(
  names: readonly string[],
): (connectors: ConnectorRegistry) => FlowEnvironment {
  if (names.length === 0) return () => empty;
  const known = new WeakMap<ConnectorRegistry, FlowEnvironment>();
  return (connectors) => {
    const found = known.get(connectors) ?? lookUp(names, connectors);
    known.set(connectors, found);
    return found;
  };
}

function lookUp(names: readonly string[], connectors: ConnectorRegistry): FlowEnvironment {
  const found = names.flatMap((name) => {
    const value = connectors.variable(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const secrets = found.map(([, secret]) => secret);
  const scrub = scrubber(secrets);
  return {
    values: Object.fromEntries(found.map(([name, secret]) => [name, secret.reveal()])),
    secrets,
    scrubbed: (value) => scrubbed(value, scrub),
    masked: (run) => masked(run, scrub),
  };
}

type Scrub = (text: string) => string;

function masked<Result extends FlowResult>(
  run: () => Result | Promise<Result>,
  scrub: Scrub,
): Result | Promise<Result> {
  try {
    const result = run();
    if (!(result instanceof Promise)) return maskedResult(result, scrub);
    return result.then(
      (value) => maskedResult(value, scrub),
      (error: unknown) => {
        throw withoutSecrets(error, scrub);
      },
    );
  } catch (error) {
    throw withoutSecrets(error, scrub);
  }
}

function maskedResult<Result extends FlowResult>(result: Result, scrub: Scrub): Result {
  if (!(result instanceof ChunkResult)) return scrubbed(result as JsonValue, scrub) as Result;
  const shares = result.shares.map((share) =>
    'failure' in share
      ? { failure: maskedFailure(share.failure, scrub) }
      : { result: scrubbed(share.result, scrub) },
  );
  return new ChunkResult(shares) as Result;
}

export function scrubbed(value: JsonValue, scrub: Scrub): JsonValue {
  if (typeof value === 'string') return scrub(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => scrubbed(item, scrub));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), scrubbed(item, scrub)]));
}

function maskedFailure(failure: Failure, scrub: Scrub): Failure {
  const { untrustedMessage: said } = failure;
  return said === undefined ? failure : { ...failure, untrustedMessage: scrub(said) };
}

function withoutSecrets(error: unknown, scrub: Scrub): unknown {
  if (!(error instanceof RecordFailure) || error.failure.untrustedMessage === undefined) return error;
  const failure = maskedFailure(error.failure, scrub);
  return error instanceof BrokenRun
    ? new BrokenRun(failure, error.progress, error.again)
    : new RecordFailure(failure);
}
