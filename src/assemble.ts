import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { type SharedRegistry, shareRegistry } from './connectors/shared-registry.ts';
import { SluiceError } from './domain/sluice-error.ts';
import { Engine } from './engine/engine.ts';
import { openFetching } from './engine/fetch-file.ts';
import { type Log, nameOf } from './engine/log.ts';
import type { Observer } from './engine/observer.ts';
import { openPreviews } from './engine/preview-flow.ts';
import { openReadiness } from './engine/readiness.ts';
import { openTrials } from './engine/try-flow.ts';
import type { RunContext } from './flows/flow.ts';
import { type FlowLibrary, openFlowLibrary } from './flows/flow-library.ts';
import { compileStored } from './flows/stored-flow.ts';
import type { OpenedSluice, OperationContext } from './operations/context.ts';
import { openShelves } from './shelves.ts';
import { type AllowedRoots, defaultRoots } from './sources/allowed-roots.ts';
import type { DatabaseAddress } from './store/database.ts';
import { addressOf } from './store/database-url.ts';
import { describeEmbedded, ensureEmbeddedPostgres } from './store/embedded/embedded-postgres.ts';
import { openStore, type Store } from './store/open-store.ts';
import { findStandby } from './store/standby-lock.ts';
import { version } from './version.ts';

/** What has to be done or ended before the process may end gets this long, in milliseconds. */
const closingMs = 2000;

/** How often a process with jobs looks whether one stands by to take them over, in milliseconds. */
const standbyLookMs = 5000;
/** So long after the embedded server was looked for again it is seen whether somebody stands by, in milliseconds. */
const watchLookMs = 1000;

/** What one call brings along. */
export interface Call {
  readonly signal: AbortSignal;
  readonly progress?: OperationContext['progress'];
  /** Folders the caller has opened to Sluice. */
  readonly roots?: (() => Promise<readonly string[]>) | undefined;
  /** The caller's own folder: allowed, and where relative paths begin. */
  readonly folder?: string | undefined;
  /** Whose jobs and flows it is about; default: null, those of this machine. */
  readonly owner?: string | null;
  /** It came over HTTP, from where no file of this machine may be read. */
  readonly isRemote?: boolean;
  /** Who asks, in words for the history. */
  readonly actor?: string | undefined;
}

/** Everything of one process, put together. */
export interface Sluice {
  readonly context: (call: Call) => OperationContext;
  readonly open: () => Promise<OpenedSluice>;
  /** Opens the database in the background if an earlier process left jobs behind. */
  resume(): void;
  /** Ends lanes within about `graceMs` and closes the database. */
  close(graceMs: number): Promise<void>;
}

export const databaseAddress = (config: Config) => async (): Promise<DatabaseAddress> =>
  config.databaseUrl === undefined
    ? ensureEmbeddedPostgres({ home: config.home })
    : addressOf(config.databaseUrl);

/** `runsJobs`: whether this process may take jobs; asked again and again. */
export function assemble(config: Config, log: Log, runsJobs = () => true, observer?: Observer): Sluice {
  const flows = openFlowLibrary(config.flowsFolder);
  const shelves = openShelves(config, flows);
  const connectors = connectorsOf(config);
  const readiness = openReadiness(connectors, config);
  const trials = { openConnectors: connectors, permissions: config, glob: globOf(config) };
  let opening: Promise<Opened> | undefined;

  const open = async () => {
    opening ??= openSluice(config, log, { flows, connectors, runsJobs, observer });
    try {
      return (await opening).sluice;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };

  return {
    open,
    context: ({ signal, progress, roots, folder, owner = null, isRemote = false, actor }) => ({
      open: async () => ownedBy(await open(), owner, actor),
      isOpen: () => opening !== undefined,
      ...shelves.of(owner),
      readiness,
      tryFlow: openTrials(trials),
      preview: openPreviews(trials),
      fetchFile: openFetching(connectors),
      files: async () => (isRemote ? noFolders : allowedRoots(config, (await roots?.()) ?? [], folder)),
      isRemote,
      exportsFolder: config.exportsFolder,
      uploadsFolder: config.uploadsFolder,
      limits: config,
      signal,
      progress,
    }),
    resume() {
      if (config.databaseUrl === undefined && !existsSync(leftBehind(config))) return;
      open().catch((error: unknown) => {
        const why = error instanceof SluiceError ? error.message : nameOf(error);
        log.warn({ error: why }, 'jobs that were left behind could not be looked for');
      });
    },
    async close(graceMs) {
      const opened = await opening?.catch(() => undefined);
      await opened?.sluice.engine.stop(graceMs);
      await Promise.race([opened?.leaveWatched(), sleep(closingMs, undefined, { ref: false })]);
      await opened?.store.close();
      // What a trial has started; an engine has closed its own.
      await Promise.race([connectors.close(), sleep(closingMs, undefined, { ref: false })]);
    },
  };
}

const ownedBy = (sluice: OpenedSluice, owner: string | null, actor?: string): OpenedSluice => ({
  ...sluice,
  db: sluice.db.ownedBy(owner, actor),
});

const noFolders: AllowedRoots = {
  folders: [],
  home: '/',
  refusal:
    'Over HTTP no file of the machine Sluice runs on is read. Send it to POST /api/v1/uploads and give source.upload_id.',
};

function connectorsOf(config: Config): SharedRegistry {
  return shareRegistry({
    folder: config.flowsFolder,
    env: process.env,
    secretsFile: config.secretsFile,
    allowPrivateHosts: config.allowPrivateHosts,
    version,
  });
}

/**
 * Files for the loops of flows. A job may run in any process, so relative patterns do not depend on where one
 * was started: they begin at the first folder of SLUICE_FILES, else at the flows folder.
 */
function globOf(config: Config): RunContext['glob'] {
  const { flowsFolder, fileRoots } = config;
  const roots = allowedRoots(config, [], undefined);
  const folders = fileRoots === undefined ? [...roots.folders, flowsFolder] : roots.folders;
  return async (pattern) => {
    const { globFiles } = await import('./sources/glob-files.ts');
    return globFiles(pattern, { ...roots, folders, base: fileRoots?.[0] ?? flowsFolder });
  };
}

function allowedRoots(config: Config, extra: readonly string[], cwd: string | undefined): AllowedRoots {
  const { exportsFolder, fileRoots: explicit } = config;
  return defaultRoots({
    home: homedir(),
    exportsFolder,
    extra,
    ...(cwd === undefined ? {} : { cwd }),
    ...(explicit === undefined ? {} : { explicit }),
  });
}

/** Exists while a job of the embedded database may be unfinished, so that a start need not ask the database. */
const leftBehind = (config: Config) => join(config.home, 'unfinished');

interface Opened {
  readonly store: Store;
  readonly sluice: OpenedSluice;
  /** Sees to it that somebody stops the embedded server once this process is gone. */
  leaveWatched(): Promise<void>;
}

async function openSluice(config: Config, log: Log, parts: Omit<EngineParts, 'onActive'>): Promise<Opened> {
  let isOpen = false;
  let look: NodeJS.Timeout | undefined;
  let spawned: ChildProcess | undefined;
  const address = databaseAddress(config);
  const store = await openStore({
    async address() {
      const found = await address();
      // The server may have been started again, and who would stop it may have gone with the one before.
      if (isOpen && look === undefined) look = setTimeout(ensureWatch, watchLookMs).unref();
      return found;
    },
  });
  let ensuredAt = performance.now();
  const ensureStandby = async ({ toWork = config.background } = {}) => {
    ensuredAt = performance.now();
    const kind = await findStandby(store.callers);
    if (kind === undefined || (kind === 'watches' && toWork)) spawned = spawnStandby(config);
  };
  /** Somebody has to stop the embedded server when the last client is gone. */
  const ensureWatch = async () => {
    look = undefined;
    if (config.databaseUrl !== undefined) return;
    await ensureStandby({ toWork: false }).catch(() => log.warn({}, 'nobody may stop the embedded database'));
  };
  // A standby whose connection was cut has ended, and nobody else would notice.
  const keepStandby = () => {
    if (!config.background || performance.now() - ensuredAt < standbyLookMs) return;
    ensureStandby().catch(() => log.warn({}, 'it could not be seen whether a process stands by'));
  };
  const engine = createEngine(config, log, store, { ...parts, onActive: keepStandby });
  const sluice: OpenedSluice = {
    db: store.callers,
    engine,
    async ensureStandby() {
      try {
        if (config.databaseUrl === undefined) writeFileSync(leftBehind(config), '');
        if (config.background) await ensureStandby();
      } catch {
        log.warn({}, 'it could not be made sure that a process stands by');
      }
    },
  };
  await ensureWatch();
  isOpen = true;
  engine.wake();
  return {
    store,
    sluice,
    async leaveWatched() {
      if (config.databaseUrl !== undefined || isAlive(spawned)) return;
      // One that was stopped meanwhile must not be started for the question.
      if ((await describeEmbedded(config.home)).state === 'running') await ensureWatch();
    },
  };
}

export interface EngineParts {
  /** Where code flows are found; default: a library of its own. */
  readonly flows?: FlowLibrary;
  /** Default: a registry of its own. */
  readonly connectors?: SharedRegistry;
  /** Whether this process may take jobs; default: it may. */
  readonly runsJobs?: () => boolean;
  /** Told what happens; default: nobody is. */
  readonly observer?: Observer | undefined;
  /** Called again and again while jobs go on. */
  readonly onActive?: () => void;
}

export function createEngine(config: Config, log: Log, store: Store, parts: EngineParts = {}): Engine {
  const { runsJobs = () => true, onActive, observer } = parts;
  const { flows = openFlowLibrary(config.flowsFolder), connectors = connectorsOf(config) } = parts;
  return new Engine({
    db: store.engine,
    holder: `${hostname()}:${process.pid}:${randomUUID()}`,
    leaseMs: config.leaseMs,
    maxRecordBytes: config.maxRecordBytes,
    async compile(text, name, kind, revision) {
      if (kind === 'code') return flows.findRevision(revision);
      return compileStored(text, name, kind);
    },
    openConnectors: connectors,
    closeConnectors: connectors.close,
    permissions: config,
    retention: {
      keepMs: config.keepMs,
      exportsFolder: config.exportsFolder,
      uploadsFolder: config.uploadsFolder,
    },
    glob: globOf(config),
    log,
    observer,
    runsJobs,
    onLook({ unfinished, active, owesCallbacks }) {
      if (active > 0 || owesCallbacks) onActive?.();
      const isLeft = unfinished > 0 || owesCallbacks;
      if (!isLeft && config.databaseUrl === undefined) rmSync(leftBehind(config), { force: true });
    },
  });
}

/** Starts the process that outlives this one: `sluice run --until-idle`. */
function spawnStandby({ home, flowsFolder, fileRoots = [] }: Config): ChildProcess {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'run', '--until-idle'], {
    detached: true,
    stdio: 'ignore',
    // It must not hold the folder the client happened to start in, so relative paths are made absolute.
    cwd: homedir(),
    env: {
      ...process.env,
      SLUICE_HOME: home,
      SLUICE_FLOWS: flowsFolder,
      ...(fileRoots.length === 0 ? {} : { SLUICE_FILES: fileRoots.join(delimiter) }),
    },
  });
  child.on('error', () => {});
  child.unref();
  return child;
}

const isAlive = (child: ChildProcess | undefined) =>
  child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
