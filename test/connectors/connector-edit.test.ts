import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { editConnectors } from '../../src/connectors/connector-edit.ts';

function folderWith(text: string | undefined): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-edit-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'connectors.yaml');
  if (text !== undefined) writeFileSync(file, text);
  return { folder, file };
}

const written = `# Targets of the shop team.

crm:   # the old one
    type: http
    base_url: https://crm.example.com   # moved in May
    auth: {type: bearer, token_env: CRM_TOKEN}   # how
    concurrency: 20      # calls at once

# about the shop
shop:
  type: "sql"
  url_env: 'SHOP_URL'
# the end
`;
const billing = {
  type: 'http',
  base_url: 'https://billing.example.com',
  auth: { type: 'bearer', token_env: 'BILLING_TOKEN' },
};

test('a new connector stands at the end, and all else stays as it is written', async () => {
  const { folder, file } = folderWith(written);

  await (await editConnectors(folder, 'billing', billing)).write();

  expect(readFileSync(file, 'utf8')).toBe(`${written}
billing:
  type: http
  base_url: https://billing.example.com
  auth: { type: bearer, token_env: BILLING_TOKEN }
`);
});

test('a change of one connector keeps its comments and every character of the others', async () => {
  const { folder, file } = folderWith(written);

  const edited = await editConnectors(folder, 'crm', { rate: '10/s', concurrency: null });
  await edited.write();

  const text = readFileSync(file, 'utf8');
  expect(edited).toMatchObject({
    wasDeclared: true,
    settings: { origin: 'https://crm.example.com', rate: { count: 10 } },
  });
  expect(text.slice(text.indexOf('# about the shop'))).toBe(
    written.slice(written.indexOf('# about the shop')),
  );
  expect(text).toMatch(/^# Targets of the shop team\.\n/);
  expect(text).toContain('# the old one');
  expect(text).toContain('# moved in May');
  expect(text).toContain('rate: 10/s');
  expect(text).not.toContain('concurrency');
});

test.each([
  ['no file', undefined],
  ['comments only', '# nothing yet\n#   but notes'],
  ['an empty map', '{}\n'],
  ['one line', '{ a: { type: sql, url_env: A_URL } }\n'],
  ['an indented map', '  a:\n    type: sql\n    url_env: A_URL\n'],
  ['a text without a line break at its end', 'a:\n  type: sql\n  url_env: A_URL'],
])('a connector is declared in %s', async (_, text) => {
  const { folder } = folderWith(text);

  await (await editConnectors(folder, 'billing', billing)).write();
  const again = await editConnectors(folder, 'billing', { rate: '1/s' });

  expect(again).toMatchObject({ wasDeclared: true, settings: { origin: 'https://billing.example.com' } });
  if (text?.startsWith('#')) expect(again.text).toContain(text);
});

test.each([
  [{ ...billing, base_url: 'nowhere' }, 'billing.base_url must be a URL'],
  [{ ...billing, base_url: 'https://me:secret@x.example' }, 'must not hold a password'],
  [{ ...billing, rate: 'often' }, 'billing.rate must be calls per time'],
])('a connector that could not be used is refused: %j', async (keys, message) => {
  const { folder, file } = folderWith(written);

  const refusal = await editConnectors(folder, 'billing', keys).catch((error: Error) => error.message);

  expect(refusal).toContain(message);
  expect(refusal).toContain('Nothing was changed');
  expect(refusal).not.toContain('secret@');
  expect(readFileSync(file, 'utf8')).toBe(written);
});

test.each(['crm: [', 'crm: { type: http }\n', 'a: &x { type: sql, url_env: A }\nbilling: *x\n'])(
  'a file that cannot be changed safely is left alone: %j',
  async (text) => {
    const { folder, file } = folderWith(text);

    await expect(editConnectors(folder, 'billing', billing)).rejects.toMatchObject({
      code: 'connector_invalid',
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  },
);

test('a link to the file stays a link, and the mode stays', async () => {
  const { folder, file } = folderWith(undefined);
  const real = join(folder, 'real.yaml');
  writeFileSync(real, written);
  chmodSync(real, 0o600);
  symlinkSync(real, file);

  await (await editConnectors(folder, 'billing', billing)).write();

  expect(readFileSync(real, 'utf8')).toContain('billing:');
  expect(statSync(real).mode & 0o777).toBe(0o600);
});
