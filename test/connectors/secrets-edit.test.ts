import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/connectors/secret.ts';
import { keepSecrets, withSecrets } from '../../src/connectors/secrets-edit.ts';
import { readSecretsFile } from '../../src/connectors/secrets-file.ts';

function fileWith(text: string | undefined, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'home', 'secrets.env');
  if (text !== undefined) {
    const here = join(folder, 'secrets.env');
    writeFileSync(here, text);
    chmodSync(here, mode);
    return here;
  }
  return file;
}

const one = (value: string) => new Map([['CRM_TOKEN', new Secret(value)]]);

test('a secret is written into a file that only its owner reads', async () => {
  const file = fileWith(undefined);

  await keepSecrets(file, one('S3CR3T'));

  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe('CRM_TOKEN=S3CR3T\n');
  expect(readdirSync(join(file, '..'))).toEqual(['secrets.env']);
});

test('other lines stay, and a file others could read is closed', async () => {
  const text = '# ours\nA_KEY=\'multi\nline\'\n\nexport CRM_TOKEN = old # of May\nB="x=y"';
  const file = fileWith(text, 0o644);

  await keepSecrets(file, one('new'));

  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe('# ours\nA_KEY=\'multi\nline\'\n\nCRM_TOKEN=new\nB="x=y"');
  expect(Object.fromEntries((await readSecretsFile(file)).values)).toEqual({
    A_KEY: 'multi\nline',
    CRM_TOKEN: 'new',
    B: 'x=y',
  });
});

test('whatever a secret holds comes back as it was, or is refused', () => {
  const value = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => text.trim() === text && !/[\n\r]/.test(text));

  fc.assert(
    fc.property(value, value, (before, secret) => {
      let text: string;
      try {
        text = withSecrets(withSecrets('A=1\n', one(before)), one(secret));
      } catch (error) {
        expect((error as Error).message).not.toContain(secret.length > 3 ? secret : '\0');
        return;
      }
      expect(text.match(/^CRM_TOKEN=/gm)).toHaveLength(1);
      expect(parseEnv(text)).toEqual({ A: '1', CRM_TOKEN: secret });
    }),
  );
});

test.each(["a'b`c", 'a\rb'])('a value the file cannot hold is refused without showing it: %j', (value) => {
  expect(() => withSecrets('', one(value))).toThrow(/CRM_TOKEN cannot be kept.*Nothing was changed/);
});

test('a file whose lines would change by it is left to a person', () => {
  expect(() => withSecrets("A='\nCRM_TOKEN=1\n", one('new'))).not.toThrow();
  expect(() => withSecrets("A='x\nCRM_TOKEN=1\n'\n", one('new'))).toThrow(/by hand/);
});
