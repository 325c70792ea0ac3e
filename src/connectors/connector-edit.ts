import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, isScalar, type Pair, parseDocument, type Scalar, YAMLMap } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type ConnectorSettings, parseConnectors } from './connectors-file.ts';
import { type FileProblem, formatProblem } from './file-problem.ts';
import { behindLink, fileTrouble, replaceFile } from './replace-file.ts';

/** Keys of one connector in `connectors.yaml`; null takes a key out. */
export type ConnectorKeys = JsonObject;

/** A `connectors.yaml` as it would be with a connector declared or changed. */
export interface EditedConnectors {
  readonly file: string;
  readonly text: string;
  readonly settings: ConnectorSettings;
  /** False: the connector is new. */
  readonly wasDeclared: boolean;
  write(): Promise<void>;
}

/** What `connectors.yaml` says of a connector, as it is written; undefined: nothing. */
export async function declaredKeys(folder: string, name: string): Promise<ConnectorKeys | undefined> {
  const file = await behindLink(join(folder, 'connectors.yaml'));
  const document = documentOf(await textOf(file), file);
  const keys = (document.toJS() as JsonObject | null)?.[name];
  return isJsonObject(keys) ? keys : undefined;
}

/**
 * Declares a connector, or changes keys of a declared one. Everything else in the file stays as it is
 * written. Nothing is written before `write` is called.
 *
 * @throws SluiceError `connector_invalid` with every problem of the file as it would be.
 */
export async function editConnectors(
  folder: string,
  name: string,
  keys: ConnectorKeys,
): Promise<EditedConnectors> {
  const file = await behindLink(join(folder, 'connectors.yaml'));
  const before = await textOf(file);
  const wasDeclared = documentOf(before, file).has(name);
  const text = withKeys(before, file, name, keys);
  const parsed = parseConnectors(text, file);
  // The file had none before, so these are about what is to be declared.
  if ('problems' in parsed)
    throw refused(
      parsed.problems.map(({ message, suggestion }) =>
        suggestion === undefined ? message : `${message}; ${suggestion}`,
      ),
    );
  const settings = parsed.connectors.get(name);
  if (settings === undefined) throw invalid([{ file, line: 1, column: 1, message: 'cannot be changed' }]);
  return {
    file,
    text,
    settings,
    wasDeclared,
    async write() {
      try {
        await mkdir(folder, { recursive: true });
        await replaceFile(file, text, { fresh: 0o644 });
      } catch (error) {
        throw new SluiceError(
          'invalid_configuration',
          `${file} cannot be written (${fileTrouble(error)}). The connector was not saved.`,
        );
      }
    },
  };
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (fileTrouble(error) === 'ENOENT') return '';
    throw invalid([{ file, line: 1, column: 1, message: `cannot be read (${fileTrouble(error)})` }]);
  });
}

function documentOf(text: string, file: string): Document.Parsed {
  // Its own check says best what is wrong with it.
  const parsed = parseConnectors(text, file);
  if ('problems' in parsed) throw invalid(parsed.problems);
  return parseDocument(text);
}

function withKeys(text: string, file: string, name: string, keys: ConnectorKeys): string {
  const document = documentOf(text, file);
  if (document.contents === null) document.contents = document.createNode({}) as never;
  if (!document.has(name)) document.add(document.createPair(name, {}));
  if (!isMap(document.get(name))) {
    throw invalid([{ file, line: 1, column: 1, message: `holds ${name} as an alias; change it by hand` }]);
  }
  for (const [key, value] of Object.entries(keys)) {
    if (value === null) document.deleteIn([name, key]);
    else document.setIn([name, key], nodeOf(document, value));
  }
  const wanted: unknown = document.toJS();
  const spliced = withPair(text, document, name);
  if (spliced !== undefined && isDeepStrictEqual(parseDocument(spliced).toJS(), wanted)) return spliced;
  return document.toString({ lineWidth: 0 });
}

/** Blocks such as `auth` stand on one line. */
function nodeOf(document: Document, value: JsonValue): unknown {
  return document.createNode(value, { flow: true });
}

/** The text with one connector written anew; undefined when it cannot be told where it stands. */
function withPair(text: string, document: Document.Parsed, name: string): string | undefined {
  const changed = pairOf(document, name);
  const before = pairOf(parseDocument(text), name);
  if (changed === undefined) return undefined;
  if (before === undefined) {
    const gap = text === '' || text.endsWith('\n\n') ? '' : text.endsWith('\n') ? '\n' : '\n\n';
    return `${text}${gap}${blockOf(changed)}`;
  }
  const [start, end] = [(before.key as Scalar).range?.[0], (before.value as YAMLMap).range?.[1]];
  if (start === undefined || end === undefined) return undefined;
  const block = blockOf(changed);
  return text.slice(0, start) + (text[end - 1] === '\n' ? block : block.trimEnd()) + text.slice(end);
}

function pairOf(document: Document, name: string): Pair | undefined {
  if (!isMap(document.contents)) return undefined;
  return document.contents.items.find(({ key }) => isScalar(key) && key.value === name);
}

/** The text of one connector, without the comments around it. */
function blockOf({ key, value }: Pair): string {
  const [bareKey, bareValue] = [(key as Scalar).clone() as Scalar, (value as YAMLMap).clone() as YAMLMap];
  bareKey.spaceBefore = false;
  bareKey.commentBefore = null;
  bareValue.comment = null;
  const document = new Document(new YAMLMap());
  (document.contents as YAMLMap).add({ key: bareKey, value: bareValue });
  return document.toString({ lineWidth: 0 });
}

function invalid(problems: readonly FileProblem[]): SluiceError {
  return refused(problems.map(formatProblem));
}

function refused(problems: readonly string[]): SluiceError {
  return new SluiceError('connector_invalid', `Nothing was changed: ${problems.join('\n')}`);
}
