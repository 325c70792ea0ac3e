import { z } from 'zod';
import { type FileProblem, maxFileProblems } from '../connectors/file-problem.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';
import type { PathRead } from './compile-pipe.ts';
import { type Condition, compileCondition } from './condition.ts';
import type { FailedItems } from './failed-items.ts';
import { type Names, withNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { compileTemplate, type Template } from './template.ts';

const condition = z.union([z.string(), z.boolean()], {
  error: 'must be a condition such as item.ok == false',
});

export const failedItemsSchema = z
  .strictObject({
    items: z
      .string()
      .describe(
        'A list of the answer, such as "{{ steps.send.result.body.results }}": an item for each record in order, or with index or id in any order.',
      ),
    when: condition
      .optional()
      .describe('A CEL expression over `item`: which items stand for failed records; all unless given.'),
    index: z.string().optional().describe('Position of the record in the chunk, from 0: "{{ item.index }}".'),
    id: z
      .string()
      .optional()
      .describe("In place of index: what the record has in the flow's batch.id_field."),
    message: z.string().optional().describe('What the answer says of it; the whole item unless given.'),
    retry: condition
      .optional()
      .describe('A CEL expression: another attempt at the record may help, such as item.status == 429.'),
  })
  .describe('With size: which items of an answer stand for records that failed, so that they fail alone.');

export interface FailedItemsSite {
  readonly yaml: YamlFile;
  /** The key that the block stands under. */
  readonly key: string;
  /** What is in sight when all steps have run. */
  readonly names: Names;
  readonly lookups: Lookups;
  readonly file: Readonly<Record<string, unknown>>;
  readonly hasEffects: boolean;
}

interface Compiled {
  readonly failedItems: FailedItems | undefined;
  readonly reads: readonly PathRead[];
  readonly problems: readonly FileProblem[];
}

/** Compiles a `failed_items` block as far as it has the right shape, which is checked elsewhere. */
export function compileFailedItems(block: unknown, site: FailedItemsSite): Compiled {
  if (!isJsonObject(block)) return { failedItems: undefined, reads: [], problems: [] };
  const compiler = new BlockCompiler(block, site);
  return { failedItems: compiler.compiled(), reads: compiler.reads, problems: compiler.problems };
}

class BlockCompiler {
  readonly problems: FileProblem[] = [];
  readonly reads: PathRead[] = [];
  readonly #block: Readonly<Record<string, unknown>>;
  readonly #site: FailedItemsSite;
  readonly #ofItem: Names;

  constructor(block: Readonly<Record<string, unknown>>, site: FailedItemsSite) {
    this.#block = block;
    this.#site = site;
    this.#ofItem = withNames(site.names, ['item', 'index']);
  }

  compiled(): FailedItems | undefined {
    const { file, hasEffects, names } = this.#site;
    const { index, id, when } = this.#block;
    const items = this.#template('items', names);
    const place = this.#template(id === undefined ? 'index' : 'id');
    const parts = {
      when: this.#condition('when'),
      message: this.#template('message'),
      retry: this.#condition('retry'),
    };
    if (items !== undefined) this.#checkList(items);
    if (place !== undefined)
      this.#checkPlace(id === undefined ? 'index' : 'id', place, `item.${id === undefined ? 'index' : 'id'}`);
    if (index !== undefined && id !== undefined) {
      this.#template('index');
      this.#report('index', 'is another way to say which record it is; give index or id');
    }
    if (index === undefined && id === undefined && when === undefined) this.#reportAll();
    const idField = idFieldOf(file);
    if (id !== undefined && idField === undefined) {
      const advice = 'name the field with batch: { id_field: … }';
      this.#report('id', 'needs to know which field of a record is its id', advice);
    }
    if (items === undefined) return undefined;
    const hasOutput = file.output !== undefined;
    return { items, place, ...parts, idField: id === undefined ? undefined : idField, hasOutput, hasEffects };
  }

  #template(key: string, names = this.#ofItem): Template | undefined {
    const text = this.#block[key];
    if (typeof text !== 'string') return undefined;
    const compiled = compileTemplate(text, `failed_items.${key}`, { ...this.#pipes, names });
    if ('problems' in compiled) return this.#reportIn(key, compiled.problems);
    this.reads.push(...compiled.template.reads);
    return compiled.template;
  }

  #condition(key: string): Condition | undefined {
    const text = this.#block[key];
    if (typeof text !== 'string' && typeof text !== 'boolean') return undefined;
    const compiled = compileCondition(String(text), `failed_items.${key}`, this.#ofItem, 'decision');
    if ('problems' in compiled) return this.#reportIn(key, compiled.problems);
    this.reads.push(...compiled.condition.reads);
    return compiled.condition;
  }

  get #pipes() {
    return { lookups: this.#site.lookups, strict: true };
  }

  #checkList(items: Template): void {
    const step = this.#site.names.members.get('steps')?.at(-1) ?? 'send';
    const { root, path = [] } = items.reads[0] ?? {};
    if (root === 'steps' && path.length === 1) {
      this.#report('items', 'names a step, not a list', `write "{{ steps.${path[0]}.result.body.results }}"`);
    } else this.#checkPlace('items', items, `steps.${step}.result.body.results`);
  }

  #checkPlace(key: string, { places: [place] }: Template, example: string): void {
    const text = String(this.#block[key]);
    if (place !== undefined && place.end - place.begin === text.trim().length) return;
    const isPath = place === undefined && /^[\p{L}_][\p{L}\p{N}_.[\]-]{0,100}$/u.test(text);
    const isSeen = this.#ofItem.roots.has(text.split('.', 1)[0] ?? '');
    const advice = `write "{{ ${isPath && isSeen ? text : example} }}"`;
    this.#report(key, 'must be one place alone', advice);
  }

  #reportAll(): void {
    const { yaml, key } = this.#site;
    const advice = 'add when: item.ok == false, or index or id when the answer names only the bad ones';
    const words = 'failed_items says of every record that it has failed';
    this.problems.push(yaml.problem({ path: [key], key: true }, words, advice));
  }

  #report(key: string, message: string, suggestion?: string): void {
    const { yaml, key: block } = this.#site;
    this.problems.push(yaml.problem({ path: [block, key] }, `failed_items.${key} ${message}`, suggestion));
  }

  /** What is wrong inside a text. */
  #reportIn(key: string, problems: readonly PipeProblem[]): undefined {
    const { yaml, key: block } = this.#site;
    for (const { at, message, suggestion } of problems.slice(0, maxFileProblems)) {
      const words = `failed_items.${key}: ${message}`;
      this.problems.push(yaml.problem({ path: [block, key], offset: at }, words, suggestion));
    }
  }
}

function idFieldOf({ batch }: Readonly<Record<string, unknown>>): string | undefined {
  const field = isJsonObject(batch) ? batch.id_field : undefined;
  return typeof field === 'string' ? field : undefined;
}
