import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, CallFailure, query } from './api.ts';
import { failureFrom } from './use-answer.ts';

/** A file that the server has. */
export interface Upload {
  readonly upload_id: string;
  readonly name: string;
  readonly bytes: number;
}

export interface UploadState {
  readonly isBusy: boolean;
  readonly failure: CallFailure | undefined;
  readonly send: (file: Blob, name: string) => void;
  /** Says why nothing is sent; what was sent before stays. */
  readonly refuse: (words: string) => void;
}

/** Sends the file that was chosen last: one that is still on its way is given up for it. */
export function useUpload(onChange: (upload: Upload | undefined) => void): UploadState {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<CallFailure>();
  const latest = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => latest.current?.abort(), []);
  const send = (file: Blob, name: string) => {
    latest.current?.abort();
    const own = new AbortController();
    latest.current = own;
    onChange(undefined);
    setFailure(undefined);
    setBusy(true);
    const call = { method: 'POST', body: file, signal: own.signal } as const;
    const done = (what: () => void) => {
      if (own.signal.aborted) return;
      setBusy(false);
      what();
    };
    ask<Upload>(`/uploads${query({ name })}`, call).then(
      (upload) => done(() => onChange(upload)),
      (error: unknown) => done(() => setFailure(failureFrom(error))),
    );
  };
  return { isBusy, failure, send, refuse: (words) => setFailure(new CallFailure('not_sent', words)) };
}
