import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const keepMs = (text?: string) => readConfig(text === undefined ? {} : { SLUICE_RETENTION: text }).keepMs;

test('payloads are kept for thirty days, another time, or for ever', () => {
  expect([keepMs(), keepMs('12h'), keepMs('off')]).toEqual([30 * 86_400_000, 12 * 3_600_000, undefined]);
});

test.each(['30', '0d', 'never', '-1d', '1 month'])(
  'the retention %s is refused with the form it may have',
  (text) => {
    expect(() => keepMs(text)).toThrow(/SLUICE_RETENTION.*with its unit, such as 30d or 12h, or off/);
  },
);

test('a relative or empty XDG_DATA_HOME counts as not set', () => {
  const homeFor = (XDG_DATA_HOME?: string) =>
    readConfig({ ...(XDG_DATA_HOME !== undefined && { XDG_DATA_HOME }) }).home;

  expect([homeFor(''), homeFor('here')]).toEqual([homeFor(), homeFor()]);
});

test.each(['/proc/sluice', '/proc', '/tmp/../proc/1/sluice'])(
  'a home or flows folder of %s is refused',
  (path) => {
    expect(() => readConfig({ SLUICE_HOME: path })).toThrow(
      /SLUICE_HOME: must be a folder on a disk, not in/,
    );
    expect(() => readConfig({ SLUICE_FLOWS: path })).toThrow(/SLUICE_FLOWS: must be a folder on a disk/);
    expect(readConfig({ SLUICE_HOME: '/process/sluice' }).home).toBe('/process/sluice');
  },
);

test('a home with a line break in its path is refused before anything is made', () => {
  expect(() => readConfig({ SLUICE_HOME: '/srv/a\nb' })).toThrow(
    'SLUICE_HOME: "/srv/a\\nb" has a line break in it. Choose another folder.',
  );
});

test.each(['sec%zzret', 'sec%ff', '100%'])(
  'a DATABASE_URL with the password %s is refused unseen',
  (password) => {
    const read = () => readConfig({ DATABASE_URL: `postgres://admin:${password}@127.0.0.1/app` });

    expect(read).toThrow('The environment has invalid values.\nDATABASE_URL: a % in it must be written %25');
    expect(read).not.toThrow(/admin/);
  },
);
