import { fstatSync } from 'node:fs';
import type { Signal } from './host.ts';
import type { Terminal } from './terminal.ts';

const plainColumns = 80;

/** The terminal, or the pipes, of this process. */
export function openTerminal({ stdin, stdout, stderr, env }: NodeJS.Process): Terminal {
  // Whoever reads the answer may stop reading, as `head` does.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    stderr.write(`sluice: the answer could not be written (${error.code ?? 'unknown reason'})\n`);
    process.exit(1);
  });
  // A job goes on when nobody reads its progress any more.
  stderr.on('error', () => {});
  const wantsColours = !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    out: stdout,
    err: stderr,
    input: stdin,
    isTTY: stderr.isTTY === true && env.TERM !== 'dumb',
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    hasPipedInput: hasPipe(stdin.fd),
    colours: stdout.isTTY === true && wantsColours,
    columns: stderr.columns ?? plainColumns,
    // A window of unknown size has 0.
    width: stdout.columns || Number.POSITIVE_INFINITY,
  };
}

/** /dev/null, a closed descriptor and a terminal bring no records. */
function hasPipe(descriptor: number): boolean {
  try {
    const found = fstatSync(descriptor);
    return found.isFIFO() || found.isFile() || found.isSocket();
  } catch {
    return false;
  }
}

const wishOf = { SIGINT: 'interrupt', SIGTERM: 'leave', SIGHUP: 'leave' } as const;

/** Hands the signals of this process to a listener until the returned function is called. */
export function onSignal(listener: (signal: Signal) => void): () => void {
  const handle = (name: NodeJS.Signals) => listener(wishOf[name as keyof typeof wishOf]);
  const names = Object.keys(wishOf) as (keyof typeof wishOf)[];
  for (const name of names) process.on(name, handle);
  return () => {
    for (const name of names) process.off(name, handle);
  };
}
