import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { refusalOf } from '../crm/rules.ts';
import { troubleOf } from '../crm/troubles.ts';

/** What has to become of the file's airports, worked out from the rows and the CRM's rules without Sluice. */
export interface Expected {
  readonly total: number;
  /** Codes the CRM takes in the first pass, some of them at the second call. */
  readonly taken: ReadonlySet<string>;
  /** How many of `taken` break at the first call and need the flow's own retries. */
  readonly troubledAtFirst: number;
  /** Codes the CRM takes only after its maintenance. */
  readonly inMaintenance: ReadonlySet<string>;
  /** Rows the CRM never takes: how many, by reason. */
  readonly refused: ReadonlyMap<string, number>;
}

export async function expectedOf(csvFile: string, seed: number): Promise<Expected> {
  const rows: Record<string, string>[] = parse(await readFile(csvFile), { columns: true });
  const taken = new Set<string>();
  const inMaintenance = new Set<string>();
  const refused = new Map<string, number>();
  let troubledAtFirst = 0;

  for (const airport of rows.map(airportOf)) {
    const refusal = refusalOf(airport);
    const trouble = troubleOf(airport.code, seed);
    if (refusal !== undefined) refused.set(refusal.message, (refused.get(refusal.message) ?? 0) + 1);
    else if (trouble === 'maintenance') inMaintenance.add(airport.code);
    else taken.add(airport.code);
    if (refusal === undefined && (trouble === 'crash' || trouble === 'throttle')) troubledAtFirst += 1;
  }
  return { total: rows.length, taken, troubledAtFirst, inMaintenance, refused };
}

/** The mapping of airport-import.yaml, by hand. */
function airportOf(row: Readonly<Record<string, string>>) {
  return {
    code: row.iata?.trim().toUpperCase() ?? '',
    name: row.name?.trim(),
    city: row.city?.trim(),
    latitude: Number(row.latitude),
    longitude: Number(row.longitude),
  };
}
