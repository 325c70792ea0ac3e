import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Secret, scrubber } from '../connectors/secret.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { BrokenRun } from './broken-run.ts';

/** The environment variables a flow names, as its steps see them. */
export interface FlowEnvironment {
  readonly values: JsonObject;
  readonly secrets: readonly Secret[];
  /** With the values masked wherever a text repeats them. */
  scrubbed(value: JsonValue): JsonValue;
  /** As `scrubbed`, of whatever a run gives back or fails with. */
  masked(run: () => JsonValue | Promise<JsonValue>): JsonValue | Promise<JsonValue>;
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

function masked(run: () => JsonValue | Promise<JsonValue>, scrub: (text: string) => string) {
  try {
    const result = run();
    if (!(result instanceof Promise)) return scrubbed(result, scrub);
    return result.then(
      (value) => scrubbed(value, scrub),
      (error: unknown) => {
        throw withoutSecrets(error, scrub);
      },
    );
  } catch (error) {
    throw withoutSecrets(error, scrub);
  }
}

export function scrubbed(value: JsonValue, scrub: (text: string) => string): JsonValue {
  if (typeof value === 'string') return scrub(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => scrubbed(item, scrub));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), scrubbed(item, scrub)]));
}

function withoutSecrets(error: unknown, scrub: (text: string) => string): unknown {
  if (!(error instanceof RecordFailure) || error.failure.untrustedMessage === undefined) return error;
  const failure = { ...error.failure, untrustedMessage: scrub(error.failure.untrustedMessage) };
  return error instanceof BrokenRun
    ? new BrokenRun(failure, error.progress, error.again)
    : new RecordFailure(failure);
}
