import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { readRows } from '../sources/open-file.ts';
import { quoteName } from '../sources/quote-name.ts';
import { type FileSource, type Source, SourceBroken, type SourceRow } from '../sources/source.ts';
import type { OperationContext } from './context.ts';

/** Names shown at once. */
const namesShown = 20;

/** Fields of the records that a start names, by the parameter that names them; null: it names none. */
export type NamedFields = Readonly<Record<'id_field' | 'order_by', string | null>>;

/** The first records, and whether they tell which fields there are. */
interface FirstRecords {
  readonly payloads: readonly JsonValue[];
  readonly tellsAll: boolean;
}

/**
 * Refuses a field that no record has: what was asked for would silently not happen. Where most of a file is still
 * unread only a table's header can tell.
 *
 * @throws SluiceError `invalid_input` with the nearest name.
 */
export async function checkNamedFields(
  context: OperationContext,
  named: NamedFields,
  records: readonly unknown[] | undefined,
  source: Source | undefined,
): Promise<void> {
  const fields = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== null);
  if (fields.length === 0 || source?.kind === 'job') return;
  const first =
    source === undefined
      ? { payloads: (records ?? []) as JsonValue[], tellsAll: true }
      : await firstOf(context, source);
  const known = [...new Set(first.payloads.filter(isJsonObject).flatMap((payload) => Object.keys(payload)))];
  if (!first.tellsAll || known.length === 0) return;
  for (const [parameter, field] of fields) if (!known.includes(field)) throw unknown(parameter, field, known);
}

async function firstOf({ limits, signal }: OperationContext, source: FileSource): Promise<FirstRecords> {
  const rows = readRows(source, { maxRecordBytes: limits.maxRecordBytes, signal });
  try {
    const first = await rows.next();
    const payloads = first.done === true ? [] : recordsIn(first.value);
    const tellsAll = source.format === 'csv' || source.format === 'tsv' || (await rows.next()).done === true;
    return { payloads, tellsAll };
  } catch (error) {
    // Who reads the file to its end says so better.
    if (error instanceof SourceBroken) return { payloads: [], tellsAll: false };
    throw error;
  } finally {
    await rows.return(undefined);
  }
}

const recordsIn = (rows: readonly SourceRow[]) =>
  rows.flatMap((row) => (row.kind === 'record' ? [row.payload] : []));

function unknown(parameter: string, field: string, known: readonly string[]): SluiceError {
  const guess = nearest(field, known);
  const shown = known.slice(0, namesShown).map(quoteName);
  const advice = guess === undefined ? `there are ${shown.join(', ')}` : `did you mean ${quoteName(guess)}?`;
  return new SluiceError(
    'invalid_input',
    `${parameter}: no record has a field ${quoteName(field)} (${advice}). Nothing was started.`,
  );
}
