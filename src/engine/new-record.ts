import { createHash } from 'node:crypto';
import type { Failure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { Flow } from '../flows/flow.ts';
import { redactionOf } from '../flows/redaction.ts';
import { checkPayload } from '../sources/check-payload.ts';
import type { SourceRow } from '../sources/source.ts';
import type { NewRecord } from '../store/intake.ts';

/** What a job and its flow make of a row on its way in. */
export interface RowRules {
  readonly flow: Pick<Flow, 'checkInput' | 'digest' | 'redact'>;
  readonly params: JsonObject;
  /** Field of the payload that holds the record's own id. */
  readonly idField: string | null;
  /** Field whose equal values make records wait for each other. */
  readonly orderBy: string | null;
  readonly skipUnchanged: boolean;
  /** The source knows texts only. */
  readonly textual: boolean;
  readonly maxRecordBytes: number;
}

/** The cells of a table are texts, as the values of a URL's query, and so may be those of an earlier job. */
export function isTextual(source: unknown): boolean {
  const { kind, format = '' } = source as { readonly kind: string; readonly format?: string };
  return kind === 'job' || ['csv', 'tsv', 'query'].includes(format);
}

/** A row of a source as the store takes it. */
export function rowRecord(row: SourceRow, rules: RowRules): NewRecord {
  if (row.kind === 'record') {
    const record = newRecord(row.payload, rules);
    return { ...record, id: record.id ?? row.id ?? null };
  }
  const failure: Failure = { class: 'data', code: row.code, message: row.message, step: 'source' };
  const flow = { redact: rules.flow.redact };
  const { id, json } = newRecord(row.payload, { ...rules, flow, orderBy: null });
  return { id, json, failure };
}

/** A payload as the store takes it; one that cannot be stored fails at once and leaves what can be. */
export function newRecord(payload: JsonValue, rules: RowRules): NewRecord {
  const { flow, params, textual } = rules;
  const id = idOf(payload, rules.idField, rules.flow.redact);
  const checked = checkPayload(payload, rules.maxRecordBytes);
  if (!checked.ok) {
    const { code, message } = checked;
    const failure: Failure = { class: 'data', code, message, step: 'source' };
    return { id, json: JSON.stringify(checked.payload), failure };
  }

  const { json } = checked;
  const ofKey = rules.orderBy === null ? {} : { orderKey: orderKeyOf(payload, rules.orderBy) ?? undefined };
  const refused = flow.checkInput?.(payload, textual);
  if (refused !== undefined) {
    const failure = redactionOf(flow.redact).failure(refused, payload);
    return { id, json, failure, ...ofKey };
  }
  return { id, json, ...(rules.skipUnchanged ? { digest: flow.digest?.(payload, params) } : {}), ...ofKey };
}

/** An index of the database takes no longer texts. */
const longestText = 200;

/** A field that may not be seen still tells its records apart, and finds them again. */
export function idOf(
  payload: JsonValue,
  idField: string | null,
  redact: readonly string[] = [],
): string | null {
  const text = fieldText(payload, idField);
  if (text === null || idField === null || !redact.includes(idField)) return text;
  return `redacted-${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
}

/** What records have in common that run one after the other; null: this one waits for none. */
export const orderKeyOf = (payload: JsonValue, orderBy: string | null): string | null =>
  fieldText(payload, orderBy);

/**
 * What a field says, if it is a number or a text that is not blank. Long texts keep their beginning and what tells
 * them apart.
 */
function fieldText(payload: JsonValue, field: string | null): string | null {
  if (field === null || !isJsonObject(payload) || !Object.hasOwn(payload, field)) return null;
  const value = payload[field];
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = String(value).replaceAll('\0', '\ufffd').toWellFormed();
  if (text.trim() === '') return null;
  if (text.length <= longestText) return text;
  const rest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${text.slice(0, longestText - rest.length - 1).toWellFormed()}…${rest}`;
}
