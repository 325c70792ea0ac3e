import type { ErrorClass } from '../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { parseRate } from '../domain/rate.ts';
import { visibleText, visibleValue } from '../domain/visible-text.ts';
import { estimate } from '../engine/preview-estimate.ts';
import type { Cause } from '../engine/preview-rows.ts';
import type { SampleRun } from '../engine/sample-runs.ts';
import type { ColumnProfile } from '../sources/profile.ts';
import { tokensOf } from './answer-size.ts';
import { encodingNote } from './encoding-note.ts';
import { headerNote } from './header-note.ts';
import type { FlowFindings, Previewed } from './preview-look.ts';
import { inSentences, previewStep } from './preview-step.ts';
import { answerTokens } from './response-format.ts';
import { shownValue } from './shown-payload.ts';

/** How much is shown; a request in tokens, a cell in characters. */
interface Size {
  readonly columns: number;
  readonly problems: number;
  readonly samples: number;
  readonly cell: number;
  readonly runs: number;
  readonly request: number;
}

/** From ample to scarce: the first that fits is taken. One request that can be read says more than three beginnings. */
const sizes: readonly Size[] = [
  { columns: 40, problems: 5, samples: 3, cell: 60, runs: 10, request: 220 },
  { columns: 30, problems: 5, samples: 2, cell: 40, runs: 2, request: 220 },
  { columns: 30, problems: 5, samples: 1, cell: 40, runs: 1, request: 220 },
  { columns: 20, problems: 4, samples: 1, cell: 30, runs: 1, request: 100 },
  { columns: 12, problems: 3, samples: 1, cell: 30, runs: 1, request: 30 },
  { columns: 6, problems: 2, samples: 1, cell: 20, runs: 0, request: 0 },
  { columns: 3, problems: 1, samples: 0, cell: 20, runs: 0, request: 0 },
];
const least: Size = { columns: 0, problems: 1, samples: 0, cell: 20, runs: 0, request: 0 };

/** A preview in few enough words for a conversation. */
export function describePreview(seen: Previewed) {
  for (const size of sizes) {
    const described = describe(seen, size);
    if (tokensOf(described) <= answerTokens.concise) return described;
  }
  return describe(seen, least);
}

function describe(seen: Previewed, size: Size) {
  const { profile, ofFlow, causes } = seen;
  const columns = profile.columns.slice(0, size.columns);
  const moreColumns = profile.columns.length - columns.length + profile.moreColumns;
  const problems = causes.slice(0, size.problems).map((cause) => describeCause(cause, seen, size));
  const moreProblems = causes.length - problems.length;
  return {
    rows: profile.rows + seen.bad,
    bad_rows: seen.bad,
    complete: seen.isWhole,
    source: describeSource(seen),
    columns: columns.map((column) => describeColumn(column, seen)),
    ...(moreColumns > 0 ? { more_columns: moreColumns } : {}),
    ...idsOf(seen),
    untrusted_samples: profile.samples.slice(0, size.samples).map((sample) => shortCells(sample, size.cell)),
    ...(ofFlow === undefined ? {} : describeFlow(seen, ofFlow, size)),
    problems,
    ...(moreProblems > 0 ? { more_problems: moreProblems } : {}),
    next_step: previewStep(seen),
  };
}

function describeSource({ source, file, broken, profile }: Previewed) {
  const place =
    broken === undefined ? {} : { broken: `line ${broken.line}: ${broken.message.slice(0, 300)}` };
  if (source === undefined) return { format: 'inline' };
  if (source.kind === 'job') return { format: 'batch job', ...place };
  const note = inSentences([encodingNote(source), headerNote(source, profile)]);
  return {
    format: source.format,
    path: (source.upload?.name ?? source.path).slice(-200),
    ...(file === undefined ? {} : { encoding: file.encoding }),
    ...(note === '' ? {} : { note }),
    ...(file?.delimiter === undefined ? {} : { delimiter: file.delimiter }),
    ...place,
  };
}

function describeColumn({ name, type, share, empty, formulas, odd }: ColumnProfile, { placedBy }: Previewed) {
  return {
    name: shownName(name),
    type,
    ...(share < 1 && type !== 'empty' ? { share: Math.floor(share * 1000) / 1000 } : {}),
    ...(empty > 0 ? { empty } : {}),
    ...(formulas > 0 ? { formulas } : {}),
    ...(odd.length > 0 ? (placedBy === 'line' ? { odd_lines: [...odd] } : { odd_indexes: [...odd] }) : {}),
  };
}

const longestName = 60;

/** On one line, whatever it holds. Line breaks and tabs appear as a path takes them: source["First\nName"]. */
function shownName(name: string): string {
  const text = visibleText(name.slice(0, 10 * longestName))
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t');
  return shortened(text, longestName);
}

const shortened = (text: string, longest: number) =>
  text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;

function idsOf({ profile, idField, placedBy }: Previewed) {
  const { ids } = profile;
  if (ids === undefined || idField === null) return {};
  const { missing, duplicates, places, exact } = ids;
  return {
    ids: {
      field: idField.slice(0, 60),
      missing,
      duplicates,
      ...(placedBy === 'line' ? { lines: [...places] } : { indexes: [...places] }),
      ...(exact ? {} : { approximate: true }),
    },
  };
}

/** Long texts and lists keep their beginning; the names stay. */
function shortCells(value: JsonValue, longest: number, deep = 0): JsonValue {
  if (typeof value === 'string') return shortened(visibleText(value), longest);
  if (typeof value !== 'object' || value === null) return value;
  if (deep >= 3) return '…';
  if (!isJsonObject(value)) {
    return (value as readonly JsonValue[]).slice(0, 3).map((item) => shortCells(item, longest, deep + 1));
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 25)
      .map(([key, item]) => [shownName(key), shortCells(item, longest, deep + 1)]),
  );
}

function describeFlow(seen: Previewed, found: FlowFindings, size: Size) {
  const { flow } = found.plan;
  const { name, version, revision } = flow;
  const { seconds, limit } = estimateOf(seen, found);
  return {
    flow: { name, version, revision },
    rehearsed: rehearsed(seen, found),
    counts: {
      would_send: seen.wouldSend,
      would_fail: seen.wouldFail,
      would_skip: { duplicates: seen.duplicates, unchanged: seen.unchanged },
    },
    ...(size.runs === 0 ? {} : { untrusted_requests: requestsOf(seen.runs, size) }),
    targets: found.targets.slice(0, 10).map(({ connector, type, host, methods }) => ({
      connector: connector.slice(0, 100),
      type,
      ...(host === undefined ? {} : { host: host.slice(0, 100) }),
      methods: [...methods],
    })),
    ...(found.missing.length === 0
      ? {}
      : { missing: found.missing.slice(0, 5).map(({ reason }) => reason.slice(0, 200)) }),
    estimate: {
      seconds: seconds === undefined ? null : Math.ceil(seconds),
      limit,
    },
    ...(seen.broken === undefined ? { plan_digest: found.digest } : {}),
  };
}

function rehearsed({ runs }: Previewed, { plan: { flow }, isWhole }: FlowFindings): string {
  if (isWhole) return 'every row was mapped, and its call put together';
  const checked =
    flow.checkInput === undefined ? 'every row was read' : 'every row was checked as at a start';
  if (flow.rehearse === undefined)
    return `${checked}; what the code of the flow does with it is not known, so more may fail`;
  if (runs.length === 0) return `${checked}; its steps were not gone through, so more may fail`;
  const first = flow.chunk === undefined ? `rows (${runs.length})` : `chunk (${runs[0]?.records})`;
  return `${checked}; the steps were gone through for the first ${first} alone, up to where answers are needed: would_fail counts what this found, and more may fail`;
}

/** Those that send something before those that fail, which problems tells of. */
const shownRuns = (runs: readonly SampleRun[], atMost: number) =>
  runs
    .toSorted((a, b) => Number(a.failure !== undefined) - Number(b.failure !== undefined))
    .slice(0, atMost)
    .toSorted((a, b) => a.index - b.index);

/** As many of the first calls as have room. */
function requestsOf(runs: readonly SampleRun[], size: Size): object[] {
  return shownRuns(runs, size.runs).flatMap(({ index, records, calls, failure, isOpen }): object[] => {
    const about = { index, ...(records === 1 ? {} : { records }) };
    if (failure !== undefined) return [{ ...about, fails: failure.message.slice(0, 200) }];
    return calls.slice(0, 3).map(({ step, kind, connector, request }, at) => ({
      ...about,
      ...(step === 'target' ? {} : { step: step.slice(0, 100) }),
      ...(connector === undefined ? { kind } : {}),
      ...requestFields(request, size.request),
      ...(isOpen ? aboutAnswers(at, calls.length) : {}),
      ...(calls.length > 3 && at === 2 ? { more_calls: calls.length - 3 } : {}),
    }));
  });
}

/** What a call of a rehearsed run owes to answers that nobody has. */
const aboutAnswers = (at: number, calls: number) => ({
  ...(at > 0 ? { as_if: 'the calls before it answered nothing' } : {}),
  ...(at === calls - 1 ? { after_it: 'depends on the answer' } : {}),
});

function requestFields(request: JsonValue, tokens: number): object {
  if (!isJsonObject(request) || typeof request.url !== 'string')
    return { input: shownValue(request, tokens).value };
  const { method, url, headers, body } = request;
  return {
    method,
    url: visibleText(url).slice(0, 300),
    headers: visibleValue(headers),
    ...(body === undefined ? {} : { body: shownValue(body, tokens).value }),
  };
}

function estimateOf(
  { wouldSend, runs }: Previewed,
  { plan, concurrency, rate, targets, secondsPerRun }: FlowFindings,
) {
  const calls = (connector: string) =>
    Math.max(1, ...runs.map((run) => run.calls.filter((call) => call.connector === connector).length));
  return estimate({
    runs: Math.ceil(wouldSend / (plan.flow.chunk?.size ?? 1)),
    concurrency,
    rate: rate === null ? undefined : parseRate(rate),
    connectors: targets.map((target) => ({ ...target, calls: calls(target.connector) })),
    secondsPerRun,
  });
}

function describeCause({ failure, count, indexes, lines }: Cause, { placedBy }: Previewed, { cell }: Size) {
  const { step, message, code, untrustedMessage: said } = failure;
  const longest = cell * 5;
  return {
    count,
    error_class: failure.class,
    code,
    ...(step === undefined ? {} : { step: step.slice(0, 100) }),
    message: visibleText(message).slice(0, longest),
    ...(said === undefined ? {} : { untrusted_message: visibleText(said).slice(0, longest) }),
    sample_indexes: [...indexes],
    ...(placedBy === 'line' ? { sample_lines: [...lines] } : {}),
    advice: adviceFor(failure.class, code, step),
  };
}

function adviceFor(errorClass: ErrorClass, code: string, step: string | undefined): string {
  if (code === 'duplicate_id') return 'Remove the later rows, or start with duplicates: "skip".';
  if (step === 'source') return 'Mend these rows in the file.';
  return errorClass === 'data'
    ? 'Correct the rows, or what the flow makes of them (get_flow, save_flow).'
    : 'Look at these rows.';
}
