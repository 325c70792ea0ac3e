import { CallFailure, send } from './api.ts';
import { connectionLost, whenConnected } from './connection.ts';

/** The server says something every 15 seconds; a stream that is silent for longer is dead. */
const silentMs = 40_000;
const comeBackMs = 1000;

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

/**
 * Follows Server-Sent Events of the API until they end for good, the caller is refused, or nobody listens any more.
 * Read by fetch, since an EventSource cannot send a token. Never rejects.
 */
export async function followEvents(
  path: string,
  onEvent: (event: StreamEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastId: string | undefined;
  const hear = (block: string) => {
    const { id, event, data } = fieldsOf(block);
    if (data === undefined) return;
    lastId = id ?? lastId;
    onEvent({ event: event ?? 'message', data: JSON.parse(data) });
  };
  while (!signal.aborted) {
    const isOver = await readOnce(path, lastId, hear, signal);
    if (isOver) return;
    await pause(comeBackMs, signal);
    await whenConnected(signal);
  }
}

/** Whether there is nothing to come back for. */
async function readOnce(
  path: string,
  lastId: string | undefined,
  hear: (block: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const watchdog = new AbortController();
  let timer = setTimeout(() => watchdog.abort(), silentMs);
  const onPiece = () => {
    clearTimeout(timer);
    timer = setTimeout(() => watchdog.abort(), silentMs);
  };
  try {
    const response = await send(path, {
      headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
      signal: AbortSignal.any([signal, watchdog.signal]),
    });
    if (response.status === 204 || response.body === null) return true;
    await readBlocks(response.body, hear, onPiece);
    return false;
  } catch (error) {
    if (error instanceof CallFailure) return !worthComingBack.has(error.code);
    // Cut in the middle: whether the server is still there is found out by asking it.
    if (!signal.aborted) connectionLost();
    return false;
  } finally {
    clearTimeout(timer);
  }
}

const worthComingBack = new Set(['no_connection', 'too_many_streams', 'database_unavailable', 'unknown']);

async function readBlocks(
  body: ReadableStream<Uint8Array>,
  hear: (block: string) => void,
  onPiece: () => void,
): Promise<void> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let unread = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onPiece();
    const blocks = (unread + value).split('\n\n');
    unread = blocks.pop() ?? '';
    for (const block of blocks) hear(block);
  }
}

/** As the server writes them: one line for each field. */
function fieldsOf(block: string): { id?: string; event?: string; data?: string } {
  const lines = block.split('\n').map((line) => /^(id|event|data): (.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((found) => (found === null ? [] : [[found[1], found[2]]])));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
