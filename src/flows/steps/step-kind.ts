import type { z } from 'zod';
import type { JsonValue } from '../../domain/json.ts';
import type { Condition } from '../condition.ts';
import type { ConnectorUse, PlannedCall } from '../flow.ts';
import type { Mapping } from '../mapping.ts';
import type { Scope } from '../names.ts';
import type { StepFrame, StepList } from '../step-frame.ts';
import type { Template } from '../template.ts';

/**
 * A kind of step, one file each: what a flow's file says about it, and what it does.
 *
 * A new kind is a file in this folder and a line in `catalogue.ts`.
 */
export interface StepKind<Settings extends z.ZodType = z.ZodType> {
  /** As `type` names it. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** For the reference: what it does, and what its result is. */
  readonly doc: string;
  /** A step of this kind as a flow's file writes it, without a name; shown in the reference and run by a test. */
  readonly example: string;
  /** The keys it has besides those of every step; also as `inputs:`. A strict object, with `describe` on each key. */
  readonly settings: Settings;
  compile(settings: z.output<Settings>, site: StepSite): StepBody;
}

/** A step ready to be run for every record. */
export interface StepBody {
  /** True when a run can change something outside Sluice. */
  readonly hasEffects: boolean;
  /** One line a person understands: `POST crm-system /api/customers`. */
  readonly summary: string;
  readonly connectors?: readonly ConnectorUse[];
  /** Of an HTTP request. */
  readonly method?: string;
  /** Name of the kind when it runs programs, which the operator has to allow. */
  readonly codeSteps?: readonly string[];
  /** Why a person has to approve a flow with this step that an assistant saves. */
  readonly approval?: readonly string[];
  /** Names of environment variables it reads besides those in its templates. */
  readonly variables?: readonly string[];
  /** Those of the variables that it can do without. */
  readonly mayMiss?: readonly string[];
  /** It heeds `timeoutMs` itself, from when its call has its turn: no time is lost by waiting for that. */
  readonly keepsTime?: true;
  /** @throws RecordFailure */
  run(call: StepCall): Promise<JsonValue> | JsonValue;
  /**
   * What a run would do, its places filled, without doing it: the request, the statement, the command.
   *
   * @throws RecordFailure for values that do not fit
   */
  preview?(call: StepCall): JsonValue;
  /** The request a run would send, when it goes through a connector. @throws RecordFailure */
  planned?(call: StepCall): PlannedCall;
}

/** One run of one step. */
export interface StepCall {
  readonly scope: Scope;
  /** Path of the step, for failures: `send`, or `notify[3].send` inside a loop. */
  readonly step: string;
  /** The same on every attempt of the same record and step. */
  readonly idempotencyKey: string;
  /** Milliseconds this run may take, when the step says so; the signal is aborted then, unless the step keeps time. */
  readonly timeoutMs: number | undefined;
  /** Aborted when the run has to end, because its time is over or the process stops. */
  readonly signal: AbortSignal;
  /** Where nested steps run. */
  readonly frame: StepFrame;
}

/** Keys and list positions below the settings of the step. */
export type SettingPath = readonly (string | number)[];

/** Compiles the texts of a step's settings, and collects what is wrong with them. */
export interface StepSite {
  /** A setting with `{{ places }}` anywhere inside; undefined when it is not there. */
  value(...path: SettingPath): ((scope: Scope) => JsonValue) | undefined;
  /** A text whose places are filled one by one; undefined when it is not there or wrong. */
  template(...path: SettingPath): Template | undefined;
  /** A block of the mapping language. */
  mapping(...path: SettingPath): Mapping | undefined;
  /** The same place, with further names in sight. */
  withNames(names: readonly string[]): StepSite;
  /** A CEL expression. */
  condition(...path: SettingPath): Condition | undefined;
  /** Nested steps: a list, a map, or one step. They see all that is visible here. */
  steps(path: SettingPath, inside?: InnerSite): StepList;
  /** The list that a loop goes over: a list, a template, or `glob:`. */
  items(...path: SettingPath): LoopItems;
  /** A problem of a setting, at its place in the file. */
  problem(path: SettingPath, message: string, suggestion?: string): void;
  /** A key inside a setting that means nothing there. */
  unknownKey(path: SettingPath, known: readonly string[]): void;
  /** A problem inside the text of a setting. */
  problemAt(path: SettingPath, at: number, message: string, suggestion?: string): void;
  /** Items that the loop around writes literally, when there is one: nothing of a record is in them. */
  readonly literalItems: readonly JsonValue[] | undefined;
  /** A run is over a list: the records of a chunk are `items`, or the items of a loop's chunk are `item`. */
  readonly takesChunks: boolean;
  /** One record, or one item, is there as `item`. */
  readonly hasItem: boolean;
  /** The step belongs to `finally`, so that there is no record. */
  readonly atEnd: boolean;
}

/** What nested steps see besides the names of the step around them. */
export interface InnerSite {
  readonly names?: readonly string[];
  /** Items that a loop writes literally. */
  readonly literalItems?: readonly JsonValue[] | undefined;
  /** `item` is a list of items. */
  readonly chunks?: boolean;
}

/** What a loop goes over. */
export interface LoopItems {
  /** @throws RecordFailure when it is not a list. */
  list(scope: Scope, frame: StepFrame): readonly JsonValue[] | Promise<readonly JsonValue[]>;
  /** Set when the file writes them, so that they are known. */
  readonly literal: readonly JsonValue[] | undefined;
}

export function stepKind<Settings extends z.ZodType>(kind: StepKind<Settings>): StepKind {
  return kind as unknown as StepKind;
}
