import { useEffect, useState } from 'preact/hooks';
import type { FlowAnswer, FlowsAnswer } from './answers.ts';
import { segment } from './api.ts';
import { FlowFields } from './flow-fields.tsx';
import { MissingList } from './missing-list.tsx';
import { FailureNote } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { PreviewAndStart } from './preview-and-start.tsx';
import { RowSource } from './row-source.tsx';
import { type StartForm, toRequest } from './start-form.ts';
import { useAnswer } from './use-answer.ts';

const untouched = { upload: undefined, params: {}, arrayPath: '', concurrency: '', idField: '', label: '' };

interface PartProps {
  readonly form: StartForm;
  /** undefined: none is chosen, or it is not known yet. */
  readonly flow: FlowAnswer | undefined;
  readonly onChange: (part: Partial<StartForm>) => void;
}

/** From a flow and a file to a job, with a look at what it would do in between. */
export function StartView({ flow: named = '' }: { readonly flow?: string }) {
  const [form, setForm] = useState<StartForm>({ ...untouched, flow: named });
  const onChange = (part: Partial<StartForm>) => setForm((before) => ({ ...before, ...part }));
  useEffect(() => setForm((before) => ({ ...before, flow: named })), [named]);
  const path = form.flow === '' ? undefined : `/flows/${segment(form.flow)}`;
  const { answer: flow, failure } = useAnswer<FlowAnswer>(path);
  const part = { form, flow, onChange };
  return (
    <>
      <h1>Start a job</h1>
      <form class="start" onSubmit={(event) => event.preventDefault()}>
        <fieldset>
          <legend>1. Flow</legend>
          <FlowChoice {...part} />
          <FailureNote failure={failure} />
        </fieldset>
        <RowSource upload={form.upload} onChange={(upload) => onChange({ upload })} />
        <Options {...part} />
        <PreviewAndStart request={toRequest(form, flow)} label={form.label} />
      </form>
    </>
  );
}

function FlowChoice({ form, flow, onChange }: PartProps) {
  const { answer, failure } = useAnswer<FlowsAnswer>('/flows');
  return (
    <>
      <FailureNote failure={failure} />
      <label>
        Flow{' '}
        <select value={form.flow} onChange={({ currentTarget }) => onChange({ flow: currentTarget.value })}>
          <option value="">choose one</option>
          {answer?.flows.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {flow === undefined ? null : (
        <>
          <p>
            <OutsideText text={flow.description ?? flow.summary} />
          </p>
          <MissingList missing={flow.missing} />
          <FlowFields flow={flow} />
        </>
      )}
    </>
  );
}

function Options({ form, flow, onChange }: PartProps) {
  const { concurrency, id_field: idField } = flow?.defaults ?? {};
  return (
    <fieldset class="options">
      <legend>3. Options</legend>
      {flow?.parameters.map(({ name, required, default: byDefault, description }) => (
        <TextField
          key={name}
          label={`${name}${required ? ' (needed)' : ''}${description === undefined ? '' : `: ${description}`}`}
          value={form.params[name] ?? ''}
          placeholder={byDefault === undefined ? '' : JSON.stringify(byDefault)}
          onChange={(value) => onChange({ params: { ...form.params, [name]: value } })}
        />
      ))}
      <TextField
        label="Records at once"
        inputMode="numeric"
        value={form.concurrency}
        placeholder={String(concurrency ?? 5)}
        onChange={(value) => onChange({ concurrency: value })}
      />
      <TextField
        label="Field with each record's own id"
        value={form.idField}
        placeholder={idField ?? 'none'}
        onChange={(value) => onChange({ idField: value })}
      />
      <TextField
        label="Where the list is in a JSON file (array_path)"
        value={form.arrayPath}
        placeholder="such as data.items"
        onChange={(arrayPath) => onChange({ arrayPath })}
      />
      <TextField label="Name of the job" value={form.label} onChange={(label) => onChange({ label })} />
    </fieldset>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly inputMode?: 'text' | 'numeric';
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}

const TextField = ({ label, inputMode = 'text', value, placeholder = '', onChange }: TextFieldProps) => (
  <label>
    <OutsideText text={label} />
    <input
      inputMode={inputMode}
      value={value}
      placeholder={placeholder}
      onInput={({ currentTarget }) => onChange(currentTarget.value)}
    />
  </label>
);
