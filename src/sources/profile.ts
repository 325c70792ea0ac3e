import { createHash } from 'node:crypto';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type CellType, cellTypes, isFormula, typeOf } from './cell-type.ts';

/** Columns that are looked at; further ones are only counted. */
const columnsAtMost = 500;
/** Ids that are remembered, as hashes: about 50 MB. */
const idsAtMost = 1_000_000;
const samplesShown = 3;
const placesShown = 3;

export interface ColumnProfile {
  readonly name: string;
  /** What most of its values are. */
  readonly type: CellType;
  /** How many of the values that are there are of this type, 0 to 1. */
  readonly share: number;
  /** Rows in which there is nothing. */
  readonly empty: number;
  readonly formulas: number;
  /** Places whose value is of another type, the first ones. */
  readonly odd: readonly number[];
}

export interface SourceProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
  /** Of the row with the most that are not among them. */
  readonly moreColumns: number;
  /** Of the id field, if there is one. */
  readonly ids: IdProfile | undefined;
  /** The first rows, masked. */
  readonly samples: readonly JsonValue[];
}

export interface IdProfile {
  /** Rows without an id. */
  readonly missing: number;
  /** Rows whose id an earlier row has. */
  readonly duplicates: number;
  readonly places: readonly number[];
  /** false: there are so many ids that only the first million were compared with. */
  readonly exact: boolean;
}

interface Column {
  readonly counts: Map<CellType, number>;
  readonly firstPlaces: Map<CellType, number[]>;
  present: number;
  formulas: number;
}

/**
 * Looks at rows one by one and remembers what they have in common; memory does not grow with their number. The place of
 * a row is its line or its index, whichever finds it.
 */
export class Profiler {
  readonly #mask: (payload: JsonValue) => JsonValue;
  readonly #columns = new Map<string, Column>();
  readonly #samples: JsonValue[] = [];
  readonly #ids = new Set<number>();
  readonly #duplicatePlaces: number[] = [];
  #rows = 0;
  #moreColumns = 0;
  #missingIds = 0;
  #duplicates = 0;

  /** `mask` makes a sample fit to be seen. */
  constructor(mask: (payload: JsonValue) => JsonValue) {
    this.#mask = mask;
  }

  add(payload: JsonValue, place: number): void {
    this.#rows++;
    if (this.#samples.length < samplesShown) this.#samples.push(this.#mask(payload));
    if (!isJsonObject(payload)) return;
    let further = 0;
    for (const name of Object.keys(payload)) {
      const column = this.#column(name);
      if (column === undefined) further++;
      else look(column, payload[name] ?? null, place);
    }
    this.#moreColumns = Math.max(this.#moreColumns, further);
  }

  /** True: an earlier row has the same id. */
  addId(id: string | null, place: number): boolean {
    if (id === null) {
      this.#missingIds++;
      return false;
    }
    const hash = createHash('sha1').update(id).digest().readUIntBE(0, 6);
    if (this.#ids.has(hash)) {
      this.#duplicates++;
      if (this.#duplicatePlaces.length < placesShown) this.#duplicatePlaces.push(place);
      return true;
    }
    if (this.#ids.size < idsAtMost) this.#ids.add(hash);
    return false;
  }

  profile(hasIds: boolean): SourceProfile {
    const columns = [...this.#columns].map(([name, column]) => describe(name, column, this.#rows));
    const ids = {
      missing: this.#missingIds,
      duplicates: this.#duplicates,
      places: this.#duplicatePlaces,
      exact: this.#ids.size < idsAtMost,
    };
    return {
      rows: this.#rows,
      columns,
      moreColumns: this.#moreColumns,
      ids: hasIds ? ids : undefined,
      samples: this.#samples,
    };
  }

  #column(name: string): Column | undefined {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    if (this.#columns.size >= columnsAtMost) return undefined;
    const column: Column = { counts: new Map(), firstPlaces: new Map(), present: 0, formulas: 0 };
    this.#columns.set(name, column);
    return column;
  }
}

function look(column: Column, value: JsonValue, place: number): void {
  const type = typeOf(value);
  column.counts.set(type, (column.counts.get(type) ?? 0) + 1);
  if (type === 'empty') return;
  column.present++;
  if (isFormula(value)) column.formulas++;
  const places = column.firstPlaces.get(type);
  if (places === undefined) column.firstPlaces.set(type, [place]);
  else if (places.length < placesShown) places.push(place);
}

function describe(
  name: string,
  { counts, firstPlaces, present, formulas }: Column,
  rows: number,
): ColumnProfile {
  const isNumeric = counts.has('number') && counts.has('integer');
  const seen = new Map(counts);
  if (isNumeric) {
    seen.set('number', (counts.get('number') ?? 0) + (counts.get('integer') ?? 0));
    seen.delete('integer');
  }
  seen.delete('empty');
  const [type = 'empty'] = cellTypes
    .filter((candidate) => seen.has(candidate))
    .toSorted((a, b) => (seen.get(b) ?? 0) - (seen.get(a) ?? 0));
  const odd = [...firstPlaces]
    .filter(([other]) => other !== type && !(isNumeric && type === 'number' && other === 'integer'))
    .flatMap(([, places]) => places)
    .toSorted((a, b) => a - b);
  return {
    name,
    type,
    share: present === 0 ? 0 : (seen.get(type) ?? 0) / present,
    empty: rows - present,
    formulas,
    odd: odd.slice(0, placesShown),
  };
}
