import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface PipedTerminal {
  readonly terminal: Terminal;
  /** What the command has said, once it is over. */
  said(): Promise<{ readonly stdout: string; readonly stderr: string }>;
}

/** A terminal without a screen. `input` is what is piped to the command; `typed` what a person types. */
export function pipedTerminal(
  given: { input?: string | undefined; typed?: string | undefined } = {},
): PipedTerminal {
  const { input, typed } = given;
  const [out, err, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const heard = Promise.all([text(out), text(err)]);
  stdin.end(input ?? typed ?? '');
  return {
    terminal: {
      out,
      err,
      input: stdin,
      isTTY: false,
      canAsk: typed !== undefined,
      hasPipedInput: input !== undefined,
      colours: false,
      columns: 100,
      width: Number.POSITIVE_INFINITY,
    },
    async said() {
      out.end();
      err.end();
      const [stdout, stderr] = await heard;
      return { stdout, stderr };
    },
  };
}
