import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble, databaseAddress, type Sluice } from './assemble.ts';
import type { DatabaseReport } from './cli/doctor.ts';
import type { Host } from './cli/host.ts';
import type { Installation } from './cli/mcp-config.ts';
import { onSignal, openTerminal } from './cli/open-terminal.ts';
import { runProgram } from './cli/program.ts';
import type { Stopping } from './cli/stop.ts';
import type { Terminal } from './cli/terminal.ts';
import { userName } from './cli/user-name.ts';
import { type Config, readConfig } from './config.ts';
import { connectingOf } from './connecting.ts';
import { formatProblem } from './connectors/file-problem.ts';
import { SluiceError } from './domain/sluice-error.ts';
import { nameOf } from './engine/log.ts';
import { compileLate } from './flows/compile-late.ts';
import { createLog } from './log.ts';
import { operations } from './operations/operations.ts';
import { Database } from './store/database.ts';
import { unreachableUrl } from './store/database-url.ts';
import { describeEmbedded, stopEmbeddedPostgres } from './store/embedded/embedded-postgres.ts';
import { serverVersion } from './store/migrate.ts';
import { countClients, endStandby, findStandby, isStandbyConnected } from './store/standby-lock.ts';
import { version } from './version.ts';

/** What is under way gets this long when the command is over, in milliseconds. */
const graceMs = 5000;

/** Runs one command and returns its exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  const terminal = openTerminal(process);
  let sluice: Sluice | undefined;
  // A command that only asks must not take a job, to drop it again when it ends.
  let runsJobs = false;
  const exitCode = await runProgram(args, {
    terminal,
    version,
    operations,
    open() {
      const config = readConfig(process.env);
      sluice = assemble(config, createLog(config.logLevel), () => runsJobs);
      return hostOf(config, sluice, terminal, () => {
        runsJobs = true;
      });
    },
    onUnexpected(error) {
      createLog('error').error({ error: nameOf(error) }, 'unexpected error');
    },
  });
  await sluice?.close(graceMs);
  return exitCode;
}

function hostOf(config: Config, sluice: Sluice, terminal: Terminal, runJobs: () => void): Host {
  const { home, flowsFolder: flows, exportsFolder: exports, background, keepMs } = config;
  return {
    terminal,
    cwd: process.cwd(),
    folders: { home, flows, exports },
    keepMs,
    background,
    graceMs,
    runJobs,
    context: ({ signal, roots = [], owner = null }) => {
      const context = sluice.context({
        signal,
        owner,
        folder: process.cwd(),
        actor: `${userName()} at the terminal`,
      });
      const files = async () => {
        const allowed = await context.files();
        return { ...allowed, folders: [...allowed.folders, ...roots] };
      };
      return { ...context, files };
    },
    onSignal,
    checkFlowFile,
    checkConnectors: async () => (await (await registries()).checkConnectors(flows)).map(formatProblem),
    flowSchema: async () => (await import('./flows/flow-schema.ts')).flowJsonSchema(),
    connecting: connectingOf(config),
    probes: {
      nodeVersion: process.versions.node,
      database: () => probeDatabase(config, sluice),
      connectors: () => probeConnectors(config),
    },
    stopping: stoppingOf(config),
    installation: installationOf(config),
  };
}

/** Loaded by the few commands that look at connectors. */
const registries = () => import('./connectors/open-registry.ts');

async function checkFlowFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SluiceError('invalid_input', `"${path}" cannot be read (${error.code ?? 'unknown reason'}).`);
  });
  const compiled = await compileLate(text, path);
  return 'problems' in compiled ? compiled.problems.map(formatProblem) : [];
}

async function probeDatabase(config: Config, sluice: Sluice): Promise<DatabaseReport> {
  const { db } = await sluice.open().catch((error: unknown) => {
    throw (config.databaseUrl === undefined ? undefined : unreachableUrl(config.databaseUrl, error)) ?? error;
  });
  const place =
    config.databaseUrl === undefined
      ? `embedded, in ${(await describeEmbedded(config.home)).dataDirectory}`
      : 'the one of DATABASE_URL';
  return { version: await serverVersion(db), place, hasRunner: (await findStandby(db)) === 'works' };
}

async function probeConnectors(config: Config) {
  const registry = await (await registries()).openRegistry({
    folder: config.flowsFolder,
    env: process.env,
    secretsFile: config.secretsFile,
    allowPrivateHosts: config.allowPrivateHosts,
  });
  const found = registry.listings;
  await registry.close();
  return found;
}

function stoppingOf(config: Config): Stopping {
  const isOurs = config.databaseUrl === undefined;
  return {
    isReachable: async () => !isOurs || (await describeEmbedded(config.home)).state === 'running',
    endRunner: () => askDatabase(config, endStandby),
    hasRunner: () => askDatabase(config, isStandbyConnected),
    countOthers: () => askDatabase(config, countClients),
    stopServer: isOurs ? () => stopEmbeddedPostgres(config.home) : undefined,
  };
}

/** One question on a connection of its own: opening the store would start a runner. */
async function askDatabase<T>(config: Config, question: (db: Database) => Promise<T>): Promise<T> {
  const address = databaseAddress(config);
  const db = new Database({
    address,
    name: 'sluice stop',
    connections: 1,
    patienceMs: 4000,
    answersCallers: true,
  });
  try {
    return await question(db);
  } finally {
    await db.close();
  }
}

/** Paths are absolute: a chat client starts the server in a folder of its own. */
function installationOf(config: Config): Installation {
  const set = Object.entries(process.env).flatMap(([name, value]) =>
    /^(SLUICE_|DATABASE_URL$)/.test(name) && value ? [[name, value] as const] : [],
  );
  const env: Record<string, string> = Object.fromEntries(set);
  // A client passes nothing on of what else may have led here, such as XDG_DATA_HOME.
  if (env.SLUICE_HOME !== undefined || config.home !== readConfig({}).home) env.SLUICE_HOME = config.home;
  if (env.SLUICE_FLOWS !== undefined) env.SLUICE_FLOWS = config.flowsFolder;
  if (env.SLUICE_FILES !== undefined) env.SLUICE_FILES = (config.fileRoots ?? []).join(delimiter);
  return { node: process.execPath, main: fileURLToPath(new URL('./main.js', import.meta.url)), env };
}
