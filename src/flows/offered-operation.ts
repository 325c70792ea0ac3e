import { type BatchOffer, batchMethods, offerFor } from '../connectors/batch-offer.ts';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';

/** What failures of operations name as their step. */
export const operationStep = 'operation';

/** One call of a connector, as a record holds it, and the offer it comes under. */
export interface OfferedOperation {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonValue;
  readonly offer: BatchOffer;
}

/**
 * The operation a record holds. Looked at once more when it is carried out, since the offers may have changed, and a
 * repair may have changed the record.
 *
 * @throws RecordFailure
 */
export function offeredIn(
  connector: string,
  connectors: Pick<ConnectorRegistry, 'callPlan'>,
  payload: JsonValue,
): OfferedOperation {
  const { method, path, headers, body } = isJsonObject(payload) ? payload : {};
  const isMethod = batchMethods.some((known) => known === method);
  const areHeaders =
    headers === undefined ||
    (isJsonObject(headers) && Object.values(headers).every((value) => typeof value === 'string'));
  if (!isMethod || typeof path !== 'string' || !areHeaders)
    throw refused('operation_invalid', 'the record is no operation: it needs a method and a path');
  const { offers = [], ownHeaders = [] } = connectors.callPlan(connector) ?? {};
  const offer = offerFor(offers, String(method), path);
  if (offer === undefined)
    throw refused('operation_not_offered', `${connector} does not offer this operation`);
  if (Object.keys(headers ?? {}).some((name) => ownHeaders.includes(name.toLowerCase())))
    throw refused('operation_invalid', 'a header of the operation is set by the connector itself');
  return {
    method: String(method),
    path,
    ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
    ...(body === undefined ? {} : { body }),
    offer,
  };
}

const refused = (code: string, message: string) =>
  new RecordFailure({ class: 'data', code, message, step: operationStep });
