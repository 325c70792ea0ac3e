import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError } from '../operations/describe-error.ts';
import { listFlows } from '../operations/list-flows.ts';
import { type Command, groups } from './command.ts';
import { type Host, invoke } from './host.ts';
import { span } from './table.ts';
import { type Colour, paint, type Terminal, visibleSpaced } from './terminal.ts';

export interface DatabaseReport {
  /** As the server says it: `18.4`. */
  readonly version: string;
  /** Where its data lie, or that it is the one of DATABASE_URL. */
  readonly place: string;
  readonly hasRunner: boolean;
}

/** Looks at the parts of an installation. */
export interface Probes {
  readonly nodeVersion: string;
  /** @throws SluiceError saying what stands in the way */
  database(): Promise<DatabaseReport>;
  /** Connectors by name; what keeps one from being used, if anything does. */
  connectors(): Promise<readonly { readonly name: string; readonly obstacle: string | undefined }[]>;
}

export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly text: string;
}

const oldestNode = [20, 19] as const;

export const doctor: Command = {
  name: 'doctor',
  summary: 'check the installation and say what to mend',
  group: groups.home,
  async run(host) {
    const findings = [
      checkNode(host.probes.nodeVersion),
      ...(await checkHome(host.folders.home)),
      ...(await checkDatabase(host)),
      retention(host.keepMs),
      ...(await checkFlows(host)),
      ...(await checkConnectors(host)),
    ];
    const isWell = findings.every(({ state }) => state !== 'fail');
    return {
      json: { ok: isWell, findings },
      text: findings.map((finding) => line(host.terminal, finding)),
      exitCode: isWell ? 0 : 1,
    };
  },
};

const colours: Record<Finding['state'], Colour> = { ok: 'green', warn: 'yellow', fail: 'red' };

function line(paper: Pick<Terminal, 'colours'>, { what, state, text }: Finding): string {
  return `${paint(paper, colours[state], state.padEnd(4))}  ${what.padEnd(11)}  ${visibleSpaced(text)}`;
}

const ok = (what: string, text: string): Finding => ({ what, state: 'ok', text });
const warn = (what: string, text: string): Finding => ({ what, state: 'warn', text });
const fail = (what: string, text: string): Finding => ({ what, state: 'fail', text });

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  return isOld
    ? fail('node', `${version} is too old: install Node.js ${oldestNode.join('.')} or newer.`)
    : ok('node', version);
}

async function checkHome(home: string): Promise<Finding[]> {
  for (let folder = home; ; folder = dirname(folder)) {
    const denied = await access(folder, constants.W_OK | constants.X_OK).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code ?? 'unknown reason',
    );
    if (denied === undefined) {
      const place = folder === home ? home : `${home} (is made when it is needed)`;
      return [ok('home', place), ...(await checkDisk(folder))];
    }
    if (denied === 'ENOENT' && dirname(folder) !== folder) continue;
    return [fail('home', `${home} cannot be written (${denied}). Set SLUICE_HOME to a folder that can.`)];
  }
}

const mebibyte = 1024 * 1024;
/** The log of Postgres is made of files of 16 MiB. */
const leastFree = 64 * mebibyte;
const littleFree = 1024 * mebibyte;

/** Some file systems do not say how much room there is. */
async function checkDisk(folder: string): Promise<Finding[]> {
  const room = await statfs(folder).catch(() => undefined);
  return room === undefined ? [] : [findRoom(room.bavail * room.bsize)];
}

/** Whether so many bytes are enough for the embedded database, and for files that are sent. */
export function findRoom(freeBytes: number): Finding {
  const text = `${Math.floor(freeBytes / mebibyte).toLocaleString('en-US')} MiB are free where SLUICE_HOME lies`;
  const advice = 'Make room, or set SLUICE_HOME to a folder on another disk.';
  if (freeBytes < leastFree) return fail('disk', `${text}, too few to work with. ${advice}`);
  return freeBytes < littleFree
    ? warn('disk', `${text}: few for large jobs. ${advice}`)
    : ok('disk', `${text}.`);
}

async function checkDatabase({ probes, background }: Host): Promise<Finding[]> {
  const runner = (isThere: boolean): Finding => {
    if (!background) {
      return warn('background', 'is off (SLUICE_BACKGROUND): jobs rest while no Sluice process runs.');
    }
    return ok(
      'background',
      isThere ? 'is on; a runner is there.' : 'is on; a runner starts with the next job.',
    );
  };
  try {
    const { version, place, hasRunner } = await probes.database();
    return [ok('database', `Postgres ${version}, ${place}`), runner(hasRunner)];
  } catch (error) {
    return [fail('database', describeError(error).message), runner(false)];
  }
}

function retention(keepMs: number | undefined): Finding {
  if (keepMs === undefined)
    return ok('retention', 'is off (SLUICE_RETENTION): nothing of old jobs is deleted.');
  const days = keepMs / 86_400_000;
  const kept = days < 1 ? span(keepMs / 1000) : `${Math.round(days * 10) / 10} days`;
  return ok('retention', `deletes payloads of jobs that finished ${kept} ago (SLUICE_RETENTION).`);
}

async function checkFlows(host: Host): Promise<Finding[]> {
  try {
    const { folder, flows, invalid } = await invoke(host, listFlows, { response_format: 'detailed' });
    if (flows.length === 0 && invalid.length === 0) {
      return [warn('flows', `There are none in ${folder}. \`sluice init\` puts an example there.`)];
    }
    return [
      ok('flows', `${flows.length} in ${folder}`),
      ...invalid.flatMap(({ problems }) => problems.map((problem) => warn('flow', problem))),
    ];
  } catch (error) {
    return [fail('flows', describeError(error).message)];
  }
}

async function checkConnectors({ probes, checkConnectors: problemsOf }: Host): Promise<Finding[]> {
  const problems = await problemsOf();
  if (problems.length > 0) return problems.map((problem) => fail('connectors', problem));
  const connectors = await probes.connectors();
  if (connectors.length === 0) return [ok('connectors', 'none are declared')];
  return connectors.map(({ name, obstacle }) =>
    obstacle === undefined ? ok('connector', `${name} can be used`) : warn('connector', obstacle),
  );
}
