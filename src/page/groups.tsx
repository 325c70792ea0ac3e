import type { ComponentChildren } from 'preact';
import { formatCount, inWords } from './format.ts';
import { OutsideText } from './outside-text.tsx';

/** Failures with the same cause, as the API and the tools describe them. */
export interface ErrorGroup {
  readonly group_id: string;
  readonly count: number;
  readonly error_class: string;
  readonly code: string;
  readonly step?: string;
  readonly message: string;
  readonly untrusted_message?: string;
  readonly retryable: boolean;
  readonly maybe_applied?: number;
}

const advice: Readonly<Record<string, string>> = {
  transient: 'Retry when the target is back.',
  interrupted: 'A process ended, or an answer was lost: find out at the target what arrived, then retry.',
  data: 'Correct the values or the flow, then retry.',
  auth: 'Correct the secret of the connector, then retry.',
  conflict: 'The target says that it has these already, or that this does not go with what it has.',
  bug: 'This should not happen. Look at the payloads; a retry may help.',
};

/** What helps against the cause, in words for people. */
export function adviceFor({ error_class, code, step, maybe_applied: lost = 0 }: ErrorGroup): string {
  if (code === 'duplicate_id') {
    return 'An earlier row has the same id. Nothing to do if both stand for the same thing; otherwise correct the id.';
  }
  if (step === 'source') return 'These rows could not be read: correct them in the file and send it again.';
  const arrived = lost > 0 ? ` ${formatCount(lost)} may have arrived: look at the target first.` : '';
  return `${advice[error_class] ?? 'Look at the payloads.'}${arrived}`;
}

interface GroupsProps {
  readonly groups: readonly ErrorGroup[];
  /** What can be done about a group, such as a button. */
  readonly action?: (group: ErrorGroup) => ComponentChildren;
}

/** Causes of failures, the largest first, each with its count and what to do next. */
export function ErrorGroups({ groups, action }: GroupsProps) {
  return (
    <ul class="groups">
      {groups.map((group) => (
        <li key={group.group_id}>
          <strong class="group-count">{formatCount(group.count)}</strong>
          <div class="group-cause">
            <p>
              <OutsideText text={group.message} />
            </p>
            {group.untrusted_message === undefined ? null : (
              <blockquote>
                <OutsideText text={group.untrusted_message} />
              </blockquote>
            )}
            <p class="muted">
              {inWords(group.error_class)} · <OutsideText text={group.code} />
              {group.step === undefined ? null : (
                <>
                  {' '}
                  · step <OutsideText text={group.step} />
                </>
              )}
            </p>
            <p>Next: {adviceFor(group)}</p>
          </div>
          {action === undefined ? null : <div class="group-action">{action(group)}</div>}
        </li>
      ))}
    </ul>
  );
}
