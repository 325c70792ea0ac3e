import { useState } from 'preact/hooks';
import type { DeadLetter, DeadLettersAnswer } from './answers.ts';
import { ask, query } from './api.ts';
import { ConfirmButton } from './confirm-button.tsx';
import { Pager, useCursorPages } from './cursor-pages.tsx';
import { FlowFilter } from './flow-filter.tsx';
import { counted } from './format.ts';
import { FailureNote, Loading } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { SendAgainButton } from './retry-button.tsx';
import { addressOf, goTo } from './router.ts';
import { useAnswer } from './use-answer.ts';
import { useCall } from './use-call.ts';

const pageSize = 50;

/** Names one dead letter among those of all jobs. */
const nameOf = ({ batch_job_id: id, index }: DeadLetter) => `${id}/${index}`;

/** Failed records that are kept for a person, across all jobs. */
export function DeadLettersView({ flow }: { readonly flow?: string }) {
  const pages = useCursorPages(flow ?? '');
  const { answer, failure, reload } = useAnswer<DeadLettersAnswer>(
    `/dead-letters${query({ flow, limit: pageSize, cursor: pages.cursor })}`,
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const letters = answer?.errors ?? [];
  const chosenHere = letters.filter((letter) => chosen.has(nameOf(letter)));
  const onDone = () => {
    setChosen(new Set());
    reload();
  };
  return (
    <>
      <h1>Dead letters</h1>
      <p class="muted">Failed records that their flow keeps for a person.</p>
      <div class="filter">
        <FlowFilter flow={flow} onChoose={(name) => goTo(addressOf.deadLetters(name))} />
      </div>
      <FailureNote failure={failure} />
      {answer === undefined && failure === undefined ? <Loading what="dead letters" /> : null}
      {answer !== undefined && letters.length === 0 ? <p class="empty">There are no dead letters.</p> : null}
      {letters.length === 0 ? null : (
        <>
          <Actions letters={chosenHere} onDone={onDone} />
          <p role="status" class="muted">
            {counted(answer?.total_failed ?? 0, 'dead letter')}, {chosenHere.length} chosen
          </p>
          <Letters letters={letters} chosen={chosen} onChoose={setChosen} />
        </>
      )}
      <Pager pages={pages} nextCursor={answer?.next_cursor} label="Pages of dead letters" />
    </>
  );
}

function Actions({
  letters,
  onDone,
}: {
  readonly letters: readonly DeadLetter[];
  readonly onDone: () => void;
}) {
  const call = useCall();
  const disabled = letters.length === 0;
  const ofEachJob = (send: (batchJobId: string, indexes: readonly number[]) => Promise<unknown>) =>
    call
      .run(async () => {
        for (const [id, indexes] of byJob(letters)) await send(id, indexes);
      })
      .then(onDone);
  const sendAgain = (id: string, indexes: readonly number[]) =>
    ask('/dead-letters/retry', { method: 'POST', body: { batch_job_id: id, select: { indexes } } });
  const giveUp = (id: string, indexes: readonly number[]) =>
    ask(`/dead-letters${query({ batch_job_id: id, indexes: indexes.join(',') })}`, { method: 'DELETE' });
  return (
    <>
      <div class="buttons">
        <SendAgainButton
          label="Send again"
          maybeApplied={letters.filter((letter) => letter.maybe_applied === true).length}
          disabled={disabled}
          isBusy={call.isBusy}
          onSend={() => void ofEachJob(sendAgain)}
        />
        <ConfirmButton
          label="Give up"
          question={`Give up ${counted(letters.length, 'dead letter')}?`}
          disabled={disabled}
          isBusy={call.isBusy}
          onConfirm={() => void ofEachJob(giveUp)}
        >
          <p>They stay failed in their jobs, and nobody is reminded of them here any more.</p>
        </ConfirmButton>
      </div>
      <FailureNote failure={call.failure} />
    </>
  );
}

function byJob(letters: readonly DeadLetter[]): Map<string, number[]> {
  const jobs = new Map<string, number[]>();
  for (const { batch_job_id: id, index } of letters) jobs.set(id, [...(jobs.get(id) ?? []), index]);
  return jobs;
}

interface LettersProps {
  readonly letters: readonly DeadLetter[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

function Letters({ letters, chosen, onChoose }: LettersProps) {
  const names = letters.map(nameOf);
  const choose = (name: string, isChosen: boolean) => {
    const others = [...chosen].filter((other) => other !== name);
    onChoose(new Set(isChosen ? [...others, name] : others));
  };
  return (
    <table class="cards records">
      <thead>
        <tr>
          <th scope="col">
            <input
              type="checkbox"
              aria-label="Choose all on this page"
              checked={names.every((name) => chosen.has(name))}
              onChange={({ currentTarget }) => onChoose(new Set(currentTarget.checked ? names : []))}
            />
          </th>
          <th scope="col">Record</th>
          <th scope="col">Job</th>
          <th scope="col" class="wide-cell">
            Error
          </th>
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <Letter
            key={nameOf(letter)}
            letter={letter}
            isChosen={chosen.has(nameOf(letter))}
            onChoose={(isChosen) => choose(nameOf(letter), isChosen)}
          />
        ))}
      </tbody>
    </table>
  );
}

interface LetterProps {
  readonly letter: DeadLetter;
  readonly isChosen: boolean;
  readonly onChoose: (isChosen: boolean) => void;
}

function Letter({ letter, isChosen, onChoose }: LetterProps) {
  const { batch_job_id: id, index, flow, error } = letter;
  return (
    <tr>
      <td class="choice">
        <input
          type="checkbox"
          aria-label={`Choose record ${index} of job ${id.slice(-8)}`}
          checked={isChosen}
          onChange={({ currentTarget }) => onChoose(currentTarget.checked)}
        />
      </td>
      <th scope="row">
        {index}
        {letter.id === undefined ? null : (
          <div class="small muted">
            <OutsideText text={letter.id} />
          </div>
        )}
      </th>
      <td data-label="Job">
        <a href={addressOf.job(id)}>
          <OutsideText text={flow} />
        </a>
        <div class="small muted">{id.slice(-8)}</div>
      </td>
      <td class="summary">
        <OutsideText text={error.message} />
        {error.untrusted_message === undefined ? null : (
          <blockquote>
            <OutsideText text={error.untrusted_message} />
          </blockquote>
        )}
      </td>
    </tr>
  );
}
