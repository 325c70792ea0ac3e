import type { FlowAnswer } from './answers.ts';
import { OutsideText } from './outside-text.tsx';

/** What a flow expects of a record. */
export function FlowFields({ flow }: { readonly flow: FlowAnswer }) {
  if (flow.expects.length === 0) return <p class="muted">This flow expects no fields in particular.</p>;
  const hasForms = flow.expects.some(({ form }) => form !== undefined);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scrolls" tabIndex={0} aria-label="Fields the flow expects">
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Needed</th>
            {hasForms ? <th scope="col">Form</th> : null}
          </tr>
        </thead>
        <tbody>
          {flow.expects.map(({ path, required, form }) => (
            <tr key={path}>
              <th scope="row">
                <OutsideText text={path} />
              </th>
              <td>{required ? 'yes' : 'no'}</td>
              {hasForms ? <td>{form === undefined ? null : <OutsideText text={form} />}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
