import type { FlowAnswer } from './answers.ts';
import type { Upload } from './use-upload.ts';

/** What a person has filled in; texts as they stand in their fields. */
export interface StartForm {
  readonly flow: string;
  readonly upload: Upload | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly arrayPath: string;
  readonly concurrency: string;
  readonly idField: string;
  readonly label: string;
}

/** The same as the API takes it, for a preview; undefined: something is still missing. */
export function toRequest(form: StartForm, flow: FlowAnswer | undefined): object | undefined {
  if (flow === undefined || form.upload === undefined) return undefined;
  const params = paramsOf(form, flow);
  return {
    flow_id: flow.name,
    source: {
      upload_id: form.upload.upload_id,
      ...(form.arrayPath === '' ? {} : { array_path: form.arrayPath }),
    },
    ...(Object.keys(params).length === 0 ? {} : { params }),
    ...(form.concurrency === '' ? {} : { concurrency: readValue(form.concurrency) }),
    ...(form.idField === '' ? {} : { id_field: form.idField }),
  };
}

function paramsOf({ params }: StartForm, { parameters }: FlowAnswer): Record<string, unknown> {
  const given = parameters.flatMap(({ name, type, default: byDefault }) => {
    const text = params[name] ?? '';
    const isText = type === 'string' || (type === undefined && typeof byDefault === 'string');
    return text === '' ? [] : [[name, isText ? text : readValue(text)] as const];
  });
  return Object.fromEntries(given);
}

/** Numbers, booleans and lists as JSON has them, anything else as the text it is. */
function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
