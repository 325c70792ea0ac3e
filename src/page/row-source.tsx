import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { formatBytes } from './format.ts';
import { FailureNote } from './notes.tsx';
import { OutsideText } from './outside-text.tsx';
import { type Upload, useUpload } from './use-upload.ts';

interface RowSourceProps {
  readonly upload: Upload | undefined;
  readonly onChange: (upload: Upload | undefined) => void;
}

/** The rows of a job: a file, chosen or dropped, or pasted text. Either is sent to the server as it is. */
export function RowSource({ upload, onChange }: RowSourceProps) {
  const [text, setText] = useState('');
  const [isOver, setOver] = useState(false);
  const { isBusy, failure, send, refuse } = useUpload(onChange);
  const name = useId();
  const field = useRef<HTMLInputElement>(null);
  useEffect(keepThePage, []);
  // The same file, chosen again, would not count as a change; nor may the field name another than the one in use.
  const clearField = () => {
    if (field.current !== null) field.current.value = '';
  };
  const onFile = (file: File | undefined) => file !== undefined && send(file, file.name);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const [file, ...others] = event.dataTransfer?.files ?? [];
    if (others.length > 0) {
      refuse(`These are ${others.length + 1} files, and a job reads one. Drop that one alone.`);
      return;
    }
    clearField();
    onFile(file);
  };
  const paste = () => {
    clearField();
    send(new Blob([text]), pastedName(text));
  };
  return (
    <fieldset>
      <legend>2. Rows</legend>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is another way to do what the field does */}
      <div
        class={isOver ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <label for={name}>Choose a file, or drop one here: CSV, TSV, NDJSON or JSON</label>
        <input
          id={name}
          ref={field}
          type="file"
          onClick={clearField}
          onChange={({ currentTarget }) => onFile(currentTarget.files?.[0])}
        />
      </div>
      <details>
        <summary>Paste rows instead</summary>
        <label>
          CSV with a header, a JSON array, or an object of JSON on each line
          <textarea rows={6} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <button type="button" disabled={text.trim() === ''} onClick={paste}>
          Use these rows
        </button>
      </details>
      <p role="status">{isBusy ? 'Sending the rows …' : <Kept upload={upload} />}</p>
      <FailureNote failure={failure} />
    </fieldset>
  );
}

/** A file that is dropped beside the field would otherwise take the place of the page. Returns what ends it. */
function keepThePage(): () => void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
  return () => {
    removeEventListener('dragover', refuse);
    removeEventListener('drop', refuse);
  };
}

function Kept({ upload }: { readonly upload: Upload | undefined }) {
  if (upload === undefined) return null;
  return (
    <>
      <OutsideText text={upload.name} /> ({formatBytes(upload.bytes)}) has been sent.
    </>
  );
}

/** Its ending tells the server the format. */
function pastedName(text: string): string {
  const first = text.trim()[0];
  if (first === '[') return 'pasted.json';
  if (first === '{') return 'pasted.ndjson';
  return text.split('\n')[0]?.includes('\t') === true ? 'pasted.tsv' : 'pasted.csv';
}
