import type { FlowAnswer } from './answers.ts';
import { segment } from './api.ts';
import { FlowFields } from './flow-fields.tsx';
import { JsonText } from './json-text.tsx';
import { MissingList } from './missing-list.tsx';
import { FailureNote, Loading, Notice } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { addressOf } from './router.ts';
import { useAnswer } from './use-answer.ts';

/** One flow: what it does, what it expects, what it needs, and its text. */
export function FlowView({ name }: { readonly name: string }) {
  const { answer: flow, failure } = useAnswer<FlowAnswer>(`/flows/${segment(name)}`);
  return (
    <>
      <div class="heading">
        <h1>
          <OutsideText text={flow?.name ?? name} />
        </h1>
        {flow?.runnable === true ? (
          <a class="button filled" href={addressOf.start(flow.name)}>
            Start a job
          </a>
        ) : null}
      </div>
      <FailureNote failure={failure} />
      {flow === undefined && failure === undefined ? <Loading what="the flow" /> : null}
      {flow === undefined ? null : <FlowParts flow={flow} />}
    </>
  );
}

function FlowParts({ flow }: { readonly flow: FlowAnswer }) {
  return (
    <>
      <p>
        <OutsideText text={flow.description ?? flow.summary} />
      </p>
      {flow.draft === undefined ? null : (
        <Notice>
          This is a draft and does not run. At a terminal: <code>{flow.draft.approve_command}</code>
        </Notice>
      )}
      <MissingList missing={flow.missing} />
      <h2>Fields of a record</h2>
      <FlowFields flow={flow} />
      <Parameters parameters={flow.parameters} />
      <h2>How it runs</h2>
      <Facts flow={flow} />
      <h2>Text</h2>
      <JsonText value={flow.text} label="Text of the flow" />
    </>
  );
}

function Parameters({ parameters }: Pick<FlowAnswer, 'parameters'>) {
  if (parameters.length === 0) return null;
  return (
    <>
      <h2>Parameters of a job</h2>
      <ul>
        {parameters.map(({ name, required, type, default: byDefault, description }) => (
          <li key={name}>
            <OutsideText text={name} /> {type} {required ? '(needed)' : ''}{' '}
            {byDefault === undefined ? null : <OutsideText text={`default ${JSON.stringify(byDefault)}`} />}{' '}
            {description === undefined ? null : <OutsideText text={description} />}
          </li>
        ))}
      </ul>
    </>
  );
}

function Facts({ flow }: { readonly flow: FlowAnswer }) {
  const { version, revision, kind, connectors, needs, retry, undo, defaults } = flow;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['version', version === null ? undefined : String(version)],
    ['revision', revision],
    ['kind', kind],
    ['calls', connectors.join(', ') || 'nothing outside'],
    ['needs', needs.join('; ') || 'nothing'],
    ['retry', retry],
    ['undo', undo],
    ['failed records', defaults.on_record_failure],
  ];
  return (
    <dl class="pairs">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <OutsideText text={value} />
            </dd>
          </div>
        ),
      )}
    </dl>
  );
}
