import { Notice } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';

interface MissingListProps {
  readonly missing: readonly { readonly reason: string; readonly setup_command?: string }[] | undefined;
}

/** What keeps a flow or a connector from being used, and the command that helps. */
export function MissingList({ missing = [] }: MissingListProps) {
  if (missing.length === 0) return null;
  return (
    <Notice>
      <ul class="plain">
        {missing.map(({ reason, setup_command: command }) => (
          <li key={reason}>
            <OutsideText text={reason} />
            {command === undefined ? null : (
              <>
                {' '}
                At a terminal: <code>{command}</code>
              </>
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
