#!/usr/bin/env node
import { Console } from 'node:console';
import { setFlagsFromString } from 'node:v8';
import { readConfig } from './config.ts';
import { SluiceError } from './domain/sluice-error.ts';

/** Given to a process that Sluice starts by itself. */
const untilIdle = '--until-idle';

const alreadyRun =
  'sluice: another process of this database takes up jobs already, so this one is not needed. `sluice list` shows the jobs; `sluice stop` ends that process.';

/** Builds what the command needs and nothing more: a chat client waits for every import. */
async function main(args: readonly string[]): Promise<number> {
  const [command] = args.includes('--help') || args.includes('-h') ? ['help'] : args;
  if (command === 'mcp' || (command === undefined && !process.stdin.isTTY)) {
    refuseMore(args.slice(1));
    const { runMcp } = await import('./run-mcp.ts');
    await runMcp(readConfig(process.env));
    return 0;
  }
  if (command === 'run') {
    refuseMore(args.slice(1).filter((word) => word !== untilIdle));
    const { runStandby } = await import('./run-standby.ts');
    const config = readConfig(process.env);
    // A person who types this wants the jobs finished, whatever SLUICE_BACKGROUND says of what starts by itself.
    const isTyped = !args.includes(untilIdle);
    const kind = config.background || isTyped ? 'works' : 'watches';
    const end = await runStandby(config, { kind, startsDatabase: isTyped });
    if (end === 'taken' && isTyped) process.stderr.write(`${alreadyRun}\n`);
    return 0;
  }
  if (command === 'serve') {
    const { runServe } = await import('./run-serve.ts');
    await runServe(readConfig(process.env), args.slice(1));
    return 0;
  }
  const { runCli } = await import('./run-cli.ts');
  return runCli(args);
}

/** What would be passed over in silence is not what the person means. */
function refuseMore(words: readonly string[]): void {
  const [word] = words;
  if (word === undefined) return;
  // A secret that was given by mistake is not repeated.
  const said = word.replace(/=.*/s, '=…');
  throw new SluiceError(
    'invalid_configuration',
    `Not understood: ${said}. \`sluice --help\` lists the commands; settings are environment variables.`,
  );
}

function unexpected(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EMFILE' || code === 'ENFILE'
    ? `this process may open no more files (${code}); allow it more, such as with \`ulimit -n 1024\``
    : 'something unexpected went wrong; run `sluice doctor`';
}

// See docs/decisions/heap-growth.md.
setFlagsFromString('--heap-growing-percent=100');

// stdout belongs to the protocol and to answers: what a dependency prints goes to stderr.
globalThis.console = new Console(process.stderr, process.stderr);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof SluiceError;
  process.stderr.write(`sluice: ${known ? error.message : unexpected(error)}\n`);
  process.exitCode = known && error.code === 'invalid_configuration' ? 2 : 1;
}
// A connection or a timer somewhere must not keep a finished command alive.
process.exit();
