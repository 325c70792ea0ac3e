import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../domain/sluice-error.ts';
import { type Command, groups } from './command.ts';
import { exampleConnectors, exampleFlow, exampleRecords } from './example-files.ts';
import type { Folders } from './host.ts';

export const init: Command = {
  name: 'init',
  summary: 'make the flows folder with an example that runs at once',
  group: groups.home,
  async run({ folders }) {
    const records = join(folders.exports, 'example-customers.csv');
    const files = [
      { path: join(folders.flows, 'example.yaml'), text: exampleFlow },
      { path: join(folders.flows, 'connectors.yaml'), text: exampleConnectors },
      { path: records, text: exampleRecords },
    ];
    await makeFolders(folders);
    const made: string[] = [];
    const kept: string[] = [];
    for (const { path, text } of files) ((await writeNew(path, text)) ? made : kept).push(path);
    return {
      json: { flows_folder: folders.flows, made, kept },
      text: [
        ...made.map((path) => `made  ${path}`),
        ...kept.map((path) => `kept  ${path} (it was there)`),
        '',
        'Next:',
        `  sluice start example ${quoted(records)}`,
        '  sluice flows show example',
        '  sluice doctor',
        '  sluice mcp-config --client claude-desktop   to use it from a chat',
      ],
    };
  },
};

async function makeFolders({ home, flows, exports }: Folders): Promise<void> {
  try {
    // Others may have to pass through the home; what lies in it is closed by its own mode.
    await mkdir(home, { recursive: true, mode: 0o711 });
    await mkdir(flows, { recursive: true });
    await mkdir(exports, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(flows, error);
  }
}

/** Whether the file was written; one that is there stays as it is. */
async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw cannotWrite(path, error);
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';

const cannotWrite = (path: string, error: unknown) =>
  new SluiceError(
    'invalid_configuration',
    `"${path}" cannot be made (${codeOf(error)}). Set SLUICE_HOME or SLUICE_FLOWS to a folder that can be written.`,
    { cause: error },
  );

const quoted = (path: string) => (/\s/.test(path) ? `"${path}"` : path);
