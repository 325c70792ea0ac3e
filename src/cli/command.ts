import type { Option } from 'commander';
import type { Answer, Host } from './host.ts';

/** What the person gave: positional arguments in their order, options by their camelCase names. */
export interface Given {
  readonly args: readonly (string | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
  /** The answer is for a program: nothing but the document may go to stdout. */
  readonly json: boolean;
}

/** Headings of the help. */
export const groups = {
  jobs: 'Batch jobs:',
  flows: 'Flows:',
  home: 'This installation:',
  servers: 'Servers:',
} as const;

/** What the commands of a group are for, by the word they begin with. */
export const aboutGroup: Readonly<Record<string, string>> = {
  'dead-letters': 'look after failed records that are kept for a person',
  flows: 'look at flows, check them, try them and let them run',
  logs: 'look at what happened',
  tokens: 'say who may come in over HTTP',
};

export interface Command {
  /** One word, or two for a command of a group: `flows list`. */
  readonly name: string;
  readonly summary: string;
  readonly group?: string;
  /** As commander writes them: `<flow> [file]`. */
  readonly args?: string;
  /** Asked for when the command is called, and then once: making them takes time. */
  readonly options?: () => readonly Option[];
  /** Shown below the options. */
  readonly examples?: readonly string[];
  readonly isHidden?: boolean;
  /** Runs when only the name of its group is given. */
  readonly isDefault?: boolean;
  run(host: Host, given: Given): Promise<Answer>;
}
