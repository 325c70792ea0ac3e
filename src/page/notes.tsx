import type { ComponentChildren } from 'preact';
import type { CallFailure } from './api.ts';
import { OutsideText } from './outside-text.tsx';

/** What went wrong, in the words of the server; nothing when nothing did. */
export function FailureNote({ failure }: { readonly failure: CallFailure | undefined }) {
  if (failure === undefined) return null;
  return (
    <p class="note note-failure" role="alert">
      <OutsideText text={failure.message} />
    </p>
  );
}

/** Something that asks for attention without being a failure. */
export const Notice = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="note note-notice">{children}</div>
);

export const Loading = ({ what }: { readonly what: string }) => <p class="muted">Loading {what} …</p>;
