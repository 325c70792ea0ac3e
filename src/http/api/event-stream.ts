/** Proxies cut streams that are silent for a minute. */
const heartbeatMs = 15_000;
/** What a reader may have left unread, in bytes, besides what the network holds. */
const unreadAtMost = 64 * 1024;

export interface EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** False: the stream has ended. */
  send(event: { readonly event: string; readonly id: string; readonly data: unknown }): boolean;
  /** Tells the reader how long to wait before it comes back, in milliseconds. */
  retry(ms: number): void;
  /** Ends the stream after what has been sent. */
  end(): void;
}

export interface StreamEnds {
  /** Called once, whoever has ended the stream. */
  readonly onEnd: () => void;
  /** Called when the reader is too slow: what it has not read is given up. */
  readonly onTooSlow: () => void;
}

/** Events as browsers take them (Server-Sent Events), with a heartbeat and a limit to what waits to be read. */
export function openEventStream({ onEnd, onTooSlow }: StreamEnds, heartbeat = heartbeatMs): EventStream {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const over = () => {
    if (controller === undefined) return;
    controller = undefined;
    clearInterval(beating);
    onEnd();
  };
  const write = (text: string) => {
    const open = controller;
    if (open === undefined) return false;
    open.enqueue(encoder.encode(text));
    if ((open.desiredSize ?? 0) >= 0) return true;
    over();
    onTooSlow();
    return false;
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(opened) {
        controller = opened;
      },
      cancel: over,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: unreadAtMost }),
  );
  const beating = setInterval(() => write(': \n\n'), heartbeat).unref();
  return {
    body,
    send: ({ event, id, data }) => write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    retry: (ms) => void write(`retry: ${ms}\n\n`),
    end() {
      controller?.close();
      over();
    },
  };
}
