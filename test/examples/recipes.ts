import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { JsonObject } from '../../src/domain/json.ts';

const root = resolve(import.meta.dirname, '../..');

/** The flows of docs/cookbook.md, with their connectors.yaml. */
export const folder = join(root, 'examples/cookbook');
export const page = readFileSync(join(root, 'docs/cookbook.md'), 'utf8');
export const files = readdirSync(folder).filter((name) => name !== 'connectors.yaml');

export const textOf = (file: string) => readFileSync(join(folder, file), 'utf8');

/** Every secret that the recipes name. */
export const secrets = {
  CRM_TOKEN: 'secret-of-crm',
  REGISTER_KEY: 'secret-of-register',
  TRACKER_TOKEN: 'secret-of-tracker',
  SHOP_PASSWORD: 'secret-of-shop',
  METERING_TOKEN: 'secret-of-metering',
  BILLING_TOKEN: 'secret-of-billing',
  MAILER_TOKEN: 'secret-of-mailer',
  SLACK_TOKEN: 'secret-of-slack',
};

/** connectors.yaml as it is, but for what `changes` says of a connector. */
export function connectorsWith(changes: Readonly<Record<string, JsonObject>>): string {
  const declared = parse(textOf('connectors.yaml')) as Record<string, JsonObject>;
  for (const [name, change] of Object.entries(changes)) {
    if (declared[name] === undefined) throw new Error(`connectors.yaml has no ${name}`);
    declared[name] = { ...declared[name], ...change };
  }
  return stringify(declared);
}

/** The text of a recipe with something in it that a test cannot do without. */
export function changed(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the recipe does not hold ${from}`);
  return text.replaceAll(from, to);
}

/** A section of the page, from its heading to the next one. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly { readonly info: string; readonly text: string }[];
}

export const sections: readonly Section[] = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({
    title: text.split('\n', 1)[0] ?? '',
    blocks: [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', block = '']) => ({
      info,
      text: block,
    })),
  }));
