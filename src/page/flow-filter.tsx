import type { FlowsAnswer } from './answers.ts';
import { useAnswer } from './use-answer.ts';

interface FlowFilterProps {
  /** undefined: all. */
  readonly flow: string | undefined;
  /** With an empty text for all. */
  readonly onChoose: (flow: string) => void;
}

/** Chooses one of the flows there are; one that is gone may still have jobs. */
export function FlowFilter({ flow, onChoose }: FlowFilterProps) {
  const { answer } = useAnswer<FlowsAnswer>('/flows');
  const names = new Set(answer?.flows.map(({ name }) => name));
  if (flow !== undefined) names.add(flow);
  return (
    <label>
      Flow{' '}
      <select value={flow ?? ''} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        <option value="">all</option>
        {[...names].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
