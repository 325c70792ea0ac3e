import { labelOf } from '../flows/flow-file-name.ts';
import { absenceOf } from './absent-fields.ts';
import { setupAdvice } from './flow-state.ts';
import type { FlowFindings, Previewed } from './preview-look.ts';

/** What to do after a preview: what is in the way, and the call that starts exactly what was looked at. */
export function previewStep(seen: Previewed): string {
  const { ofFlow, broken, wouldFail, wouldSend } = seen;
  if (broken !== undefined)
    return 'The source cannot be read to its end: mend it at that line, then preview it again.';
  if (ofFlow === undefined) {
    const fetched = fetchedSource(seen);
    const call =
      fetched === undefined
        ? 'with one of them as flow_id'
        : `with one of them as flow_id and source ${inCall(fetched)} (the file that was fetched)`;
    return `list_flows shows the flows there are. preview_batch ${call} shows what it would make of these rows.`;
  }
  const absence = absenceOf(ofFlow.plan.flow.expects, seen.profile);
  if (seen.isWhole && wouldSend === 0 && wouldFail > 0)
    return inSentences(['No row would be sent. problems says why; correct that first.', absence]);
  return inSentences([
    ofFlow.missing.length === 0 ? undefined : setupAdvice(ofFlow.missing),
    absence,
    seen.isWhole ? undefined : 'Not all rows were looked at (max_seconds), so more may be wrong.',
    wouldFail === 0
      ? undefined
      : `${wouldFail} ${wouldFail === 1 ? 'row' : 'rows'} would fail, each on its own: correct first, or start and repair afterwards.`,
    ofFlow.plan.flow.requests?.delete === true
      ? 'This deletes at the target: show the person what is above, and go on only with their consent.'
      : undefined,
    startCall(seen, ofFlow),
  ]);
}

export const inSentences = (sentences: readonly (string | undefined)[]) =>
  sentences.filter((sentence) => sentence !== undefined).join(' ');

const longestCall = 700;

const inCall = (given: object) => JSON.stringify(given).replaceAll('":', '": ').replaceAll(',"', ', "');

/** Names the bytes that were looked at: another answer to the same URL may be other ones. */
function fetchedSource({ given, source }: Previewed): object | undefined {
  if (given.source?.url === undefined || source?.kind !== 'file') return undefined;
  const { upload, format, arrayPath } = source;
  return { upload_id: upload?.id, format, ...(arrayPath === undefined ? {} : { array_path: arrayPath }) };
}

function startCall(seen: Previewed, { plan, digest }: FlowFindings): string {
  const { sample: _, max_seconds: __, records, flow_id: ___, ...rest } = seen.given;
  const fetched = fetchedSource(seen);
  const source = fetched === undefined ? {} : { source: fetched };
  const call = { flow_id: labelOf(plan.flow), ...rest, ...source, plan_digest: digest };
  const other = fetched === undefined ? '' : `, but source ${inCall(fetched)} (the file that was fetched),`;
  const start =
    records === undefined && JSON.stringify(call).length <= longestCall
      ? `start_batch ${inCall(call)} starts exactly this.`
      : `start_batch with the same arguments${other} and "plan_digest": "${digest}" starts exactly this.`;
  if (plan.flow.confirm !== 'human') return start;
  return `${start} It then waits until the person types \`sluice approve\` with its id at a terminal.`;
}
