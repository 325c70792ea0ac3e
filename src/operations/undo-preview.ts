import { z } from 'zod';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { visibleText } from '../domain/visible-text.ts';
import type { FlowPreview, PreviewedRecord, ShownCall } from '../engine/preview-flow.ts';
import type { Database } from '../store/database.ts';
import { listEarlierRecords } from '../store/earlier-records.ts';
import type { OperationContext } from './context.ts';
import { shortened } from './flow-state.ts';
import { shownValue } from './shown-payload.ts';
import type { Undoing, UndoPlan } from './undo-plan.ts';

/** Records that are looked at, to see whether they can be taken back. */
const lookedAtMost = 1000;
const pageOf = 250;
const recordsShown = 3;
const callsShown = 3;
const bodyTokens = 80;

export const undoPreviewOutput = {
  undo: z.string().optional(),
  // Spelled out, its parts would cost every conversation more than they tell.
  untrusted_requests: z.array(z.record(z.string(), z.unknown())).optional(),
  looked_at: z.number().int().optional(),
  cannot: z
    .object({ records: z.number().int(), first_index: z.number().int(), message: z.string() })
    .optional()
    .describe('Of those looked at'),
};

type UndoPreview = z.output<z.ZodObject<typeof undoPreviewOutput>>;

/** A call for one of the first records; what is no request has an `input`. */
interface Request extends Record<string, unknown> {
  readonly index: number;
  readonly id?: string;
  readonly step?: string;
  readonly method?: string;
  readonly url?: string;
  readonly body?: JsonValue;
  readonly input?: JsonValue;
}

/** Puts the calls of an undo together and sends none. */
export async function previewUndo(
  context: OperationContext,
  db: Database,
  { undo, params }: Undoing,
  plan: UndoPlan,
): Promise<UndoPreview> {
  const look = await context.preview(undo, { params, signal: context.signal });
  const requests: Request[] = [];
  let looked = 0;
  let broken = 0;
  let first: { readonly first_index: number; readonly message: string } | undefined;
  // What steps come to depends on answers, so only the first records can be looked at.
  for await (const record of recordsOf(db, plan, look.isCheap ? lookedAtMost : recordsShown)) {
    const failure =
      looked++ < recordsShown
        ? await show({ look, total: plan.indexes.length }, record, requests)
        : look.failureOf(record);
    if (failure === undefined) continue;
    broken++;
    first ??= { first_index: record.index, message: failure.message };
  }
  return {
    undo: shortened(undo.summary),
    untrusted_requests: requests,
    looked_at: looked,
    ...(first === undefined ? {} : { cannot: { records: broken, ...first } }),
  };
}

async function* recordsOf(
  db: Database,
  { source, indexes }: UndoPlan,
  atMost: number,
): AsyncGenerator<PreviewedRecord> {
  const wanted = indexes.slice(0, atMost);
  for (let at = 0; at < wanted.length; at += pageOf) {
    const page = wanted.slice(at, at + pageOf);
    const [from = 0] = page;
    const to = (page.at(-1) ?? from) + 1;
    for (const { index, id, payload, result } of await listEarlierRecords(
      db,
      { ...source, indexes: page },
      from,
      to,
    )) {
      yield { index, id, payload: { index, record: payload, result } };
    }
  }
}

/** Adds the first calls for a record, and says why it will fail, if it is known to. */
async function show(
  { look, total }: { readonly look: FlowPreview; readonly total: number },
  record: PreviewedRecord,
  requests: Request[],
) {
  const { calls, failure } = await look.runOf(record, total);
  requests.push(...calls.slice(0, callsShown).map((call) => requestOf(record, call)));
  return failure;
}

function requestOf({ index, id }: PreviewedRecord, { step, request: shown }: ShownCall): Request {
  const about = {
    index,
    ...(id === null ? {} : { id: visibleText(id) }),
    ...(step === 'undo' ? {} : { step: visibleText(step).slice(0, 100) }),
  };
  if (!isJsonObject(shown) || typeof shown.url !== 'string') return { ...about, input: cut(shown) };
  const { method, url, body } = shown;
  return {
    ...about,
    method: String(method),
    url: visibleText(shortened(url)),
    ...(body === undefined ? {} : { body: cut(body) }),
  };
}

const cut = (value: JsonValue) => shownValue(value, bodyTokens).value;
