import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';

interface ConfirmButtonProps {
  /** What the button says, and the one that does it. */
  readonly label: string;
  readonly question: string;
  readonly disabled?: boolean;
  readonly isBusy?: boolean;
  readonly onConfirm: () => void;
  /** What it would do. */
  readonly children: ComponentChildren;
}

/** A button that asks before it does something that cannot be taken back. */
export function ConfirmButton({
  label,
  question,
  disabled = false,
  isBusy = false,
  onConfirm,
  children,
}: ConfirmButtonProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class="danger"
        disabled={disabled}
        aria-disabled={isBusy}
        onClick={() => setOpen(!isBusy)}
      >
        {label}
      </button>
      {isOpen ? (
        <Dialog title={question} onClose={() => setOpen(false)}>
          {children}
          <form method="dialog" class="buttons">
            <button type="submit">Leave it</button>
            <button type="submit" class="danger filled" onClick={onConfirm}>
              {label}
            </button>
          </form>
        </Dialog>
      ) : null}
    </>
  );
}
