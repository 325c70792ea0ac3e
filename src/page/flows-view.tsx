import type { FlowsAnswer } from './answers.ts';
import { MissingList } from './missing-list.tsx';
import { FailureNote, Loading, Notice } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { addressOf } from './router.ts';
import { useAnswer } from './use-answer.ts';

/** What records can be taken through, and what stands in the way. */
export function FlowsView() {
  const { answer, failure } = useAnswer<FlowsAnswer>('/flows');
  return (
    <>
      <h1>Flows</h1>
      <FailureNote failure={failure} />
      {answer === undefined && failure === undefined ? <Loading what="flows" /> : null}
      {answer === undefined ? null : (
        <>
          {answer.flows.length === 0 ? (
            <div class="empty">
              <p>There are no flows yet.</p>
              <p>
                <code>sluice init</code> makes an example; an assistant can write one with{' '}
                <code>save_flow</code>.
              </p>
            </div>
          ) : null}
          {answer.flows.length === 0 ? null : (
            <ul class="list">
              {answer.flows.map((flow) => (
                <Flow key={flow.name} flow={flow} />
              ))}
            </ul>
          )}
          <Troubles answer={answer} />
          <Connectors connectors={answer.connectors} />
        </>
      )}
    </>
  );
}

function Flow({ flow }: { readonly flow: FlowsAnswer['flows'][number] }) {
  return (
    <li>
      <div class="heading">
        <h2>
          <a href={addressOf.flow(flow.name)}>
            <OutsideText text={flow.name} />
          </a>{' '}
          {flow.version === null ? null : <span class="muted small">version {flow.version}</span>}
        </h2>
        {flow.runnable ? (
          <a class="button" href={addressOf.start(flow.name)}>
            Start<span class="hidden"> {flow.name}</span>
          </a>
        ) : null}
      </div>
      <p>
        <OutsideText text={flow.description ?? flow.summary} />
      </p>
      <MissingList missing={flow.missing} />
    </li>
  );
}

function Troubles({ answer: { invalid, drafts } }: { readonly answer: FlowsAnswer }) {
  return (
    <>
      {drafts.map(({ name, reasons, approve_command: command }) => (
        <Notice key={name}>
          <p>
            <strong>
              <OutsideText text={name} />
            </strong>{' '}
            is a draft: a person has to look at it. At a terminal: <code>{command}</code>
          </p>
          <OutsideText text={reasons.join('\n')} />
        </Notice>
      ))}
      {invalid.map(({ file, problems }) => (
        <div key={file} class="note note-failure">
          <p>
            <strong>
              <OutsideText text={file} />
            </strong>{' '}
            cannot run:
          </p>
          <OutsideText text={problems.join('\n')} />
        </div>
      ))}
    </>
  );
}

function Connectors({ connectors }: { readonly connectors: FlowsAnswer['connectors'] }) {
  if (connectors.length === 0) return null;
  return (
    <section aria-labelledby="connectors">
      <h2 id="connectors">Connectors</h2>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Target</th>
            <th scope="col">Ready</th>
          </tr>
        </thead>
        <tbody>
          {connectors.map(({ name, type, target, ready, missing }) => (
            <tr key={name}>
              <th scope="row">
                <OutsideText text={name} />
              </th>
              <td data-label="Type">{type}</td>
              <td data-label="Target" class="name">
                <OutsideText text={target} />
              </td>
              <td data-label="Ready">{ready ? 'yes' : <OutsideText text={missing?.reason ?? 'no'} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
