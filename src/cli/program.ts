import { Command as Commander, CommanderError } from 'commander';
import { SluiceError } from '../domain/sluice-error.ts';
import { describeError } from '../operations/describe-error.ts';
import type { Operation } from '../operations/operation.ts';
import { approveJob } from './approve.ts';
import { aboutGroup, type Command } from './command.ts';
import { connect } from './connect.ts';
import { deadLetterCommands } from './dead-letters.ts';
import { doctor } from './doctor.ts';
import { errors } from './errors.ts';
import { flowCommands } from './flow-commands.ts';
import type { Answer, Host } from './host.ts';
import { init } from './init.ts';
import { jobCommands } from './job-commands.ts';
import { logCommands } from './log-commands.ts';
import { mcpConfig } from './mcp-config.ts';
import { asCommands } from './next-step.ts';
import { plainCommand } from './operation-command.ts';
import { preview } from './preview.ts';
import { results } from './results.ts';
import { addServers } from './servers.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import { type Terminal, toJson } from './terminal.ts';
import { tokenCommands } from './tokens.ts';
import { undo } from './undo.ts';

export interface ProgramOptions {
  readonly terminal: Terminal;
  readonly version: string;
  readonly operations: readonly Operation[];
  /** Called when a command runs, so that asking for help needs nothing. */
  readonly open: () => Host;
  readonly onUnexpected: (error: unknown) => void;
}

const commands = [
  preview,
  start,
  approveJob,
  ...jobCommands,
  undo,
  errors,
  results,
  ...deadLetterCommands,
  ...logCommands,
  ...flowCommands,
  connect,
  init,
  doctor,
  mcpConfig,
  ...tokenCommands,
  stop,
];

const overview = `
Examples:
  sluice init
  sluice connect crm https://crm.example.com --bearer
  sluice start example customers.csv
  sluice status --wait
  sluice errors --csv > failed.csv
  sluice retry

\`sluice <command> --help\` lists the options of a command.
A job is named by its id, 8 or more characters of its beginning or
end, or "latest" (the default).
Ctrl-C pauses a job that the command began or runs itself; once more cancels it.
--json gives every answer as one JSON document.

Exit codes:
  0  done; for a job that was followed: every record succeeded
  1  the job ended with failed or skipped records, a check found mistakes, or the command failed on its way
  2  refused, and nothing was changed: the command, what it names, or the configuration is wrong`;

/** Runs one command line and returns its exit code. Never rejects. */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<number> {
  const { terminal } = options;
  let exitCode = 0;
  const program = build(options, async (command, given) => {
    const answer = await command.run(options.open(), given);
    await print(terminal, answer, given.json);
    exitCode = answer.exitCode ?? 0;
  });
  try {
    await program.parseAsync(withHelp(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (!(error instanceof SluiceError || error instanceof CommanderError)) options.onUnexpected(error);
    return report(terminal, error, args.includes('--json'));
  }
}

/** `sluice help start` as `sluice start --help`. */
function withHelp(args: readonly string[]): string[] {
  const [first = 'help', ...rest] = args;
  return first === 'help' ? [...rest, '--help'] : [first, ...rest];
}

type Run = (command: Command, given: Parameters<Command['run']>[1]) => Promise<void>;

function build({ terminal, version, operations }: ProgramOptions, run: Run): Commander {
  const program = new Commander('sluice')
    .description('Runs batch jobs: records from a file, through a flow, to an API.')
    .usage('<command>')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      // Reported together with every other error.
      writeErr: () => {},
      getOutHelpWidth: () => terminal.columns,
    })
    .configureHelp({ subcommandTerm })
    .addHelpText('after', overview);
  for (const command of commands) add(program, command, run);
  for (const operation of operations) add(program, plainCommand(operation), run);
  addServers(program);
  return program;
}

/** Every command has options, so the overview does not say so. */
const subcommandTerm = (command: Commander) =>
  `${command.name()} ${command.usage().replace(/^\[options\] ?/, '')}`.trimEnd();

function add(program: Commander, command: Command, run: Run): void {
  const words = command.name.split(' ');
  const name = words.pop() ?? command.name;
  const parent = words[0] === undefined ? program : groupOf(program, words[0], command);
  const { isHidden: hidden = false, isDefault = false } = command;
  const made = parent.command(name, { hidden, isDefault }).description(command.summary);
  if (command.args !== undefined) made.arguments(command.args);
  // What a group holds says more in the overview than any word about it.
  if (parent !== program) parent.summary(parent.commands.map((each) => each.name()).join(', '));
  if (command.group !== undefined && parent === program) made.helpGroup(command.group);
  parent.hook('preSubcommand', (_, called) => {
    if (called === made) addOptions(made, command);
  });
  if (command.examples !== undefined) made.addHelpText('after', `\nExamples:\n${indent(command.examples)}`);
  made.action(async () => {
    const options = made.opts();
    await run(command, { args: made.processedArgs.flat(), options, json: options.json === true });
  });
}

function addOptions(made: Commander, { options }: Command): void {
  for (const option of options?.() ?? []) {
    option.description = asCommands(option.description);
    made.addOption(option);
  }
  made.option('--json', 'print the answer as one JSON document');
}

function groupOf(program: Commander, name: string, { group }: Command): Commander {
  const known = program.commands.find((command) => command.name() === name);
  if (known !== undefined) return known;
  const made = program
    .command(name)
    .description(aboutGroup[name] ?? '')
    .usage('<command>')
    .helpCommand(false);
  return group === undefined ? made : made.helpGroup(group);
}

const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`).join('\n');

/** Resolves when the answer has been handed over: the process may end right after. */
function print({ out }: Terminal, answer: Answer, json: boolean): Promise<void> {
  const text = json ? toJson(answer.json) : answer.text.join('\n');
  return new Promise((resolve) => {
    if (text === '') resolve();
    else out.write(`${text}\n`, () => resolve());
  });
}

/** What fails on the way; all else is refused before anything happens. */
const failures: ReadonlySet<string> = new Set(['internal_error', 'database_unavailable', 'storage_full']);

function report({ out, err }: Terminal, error: unknown, json: boolean): number {
  const { code, message } =
    error instanceof CommanderError ? { code: 'usage', message: usageOf(error) } : describeError(error);
  if (json) out.write(`${toJson({ error: { code, message } })}\n`);
  else err.write(`sluice: ${asCommands(message)}\n`);
  return failures.has(code) ? 1 : 2;
}

function usageOf({ code, message }: CommanderError): string {
  // Commander says "(outputHelp)" when a command of a group is missing.
  if (code === 'commander.help')
    return 'Which command? `sluice --help` lists them, and `sluice flows --help` or `sluice logs --help` those of a group.';
  // A secret that was given to an option by mistake is not repeated.
  const said = message.replace(/^error: /, '').replace(/^(unknown option '--[\w-]+)=[^']*'/, "$1=…'");
  return `${said}\n\`sluice --help\` lists the commands, \`sluice <command> --help\` the options.`;
}
