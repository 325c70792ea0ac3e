import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './install-notes.ts';

const unit = readFileSync(join(root, 'packaging/sluice.service'), 'utf8');
const settings = Object.fromEntries(
  [...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value]) => [key, value]),
);
const analyses = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!analyses) console.log('systemd-analyze is not here: the unit is read, not verified');

test('the service runs as a user of its own that can write to one folder only', () => {
  expect(settings).toMatchObject({
    User: 'sluice',
    StateDirectory: 'sluice',
    ProtectSystem: 'strict',
    ProtectHome: 'yes',
    NoNewPrivileges: 'yes',
    CapabilityBoundingSet: '',
  });
  expect(settings.Environment).toContain('SLUICE_HOME=/var/lib/sluice');
  expect(unit).not.toMatch(/TOKEN|PASSWORD|DATABASE_URL/);
});

test('the service has longer to end than a server takes, and is not started again for wrong settings', () => {
  const graceMs = Number(/graceMs = (\d+)/.exec(readFileSync(join(root, 'src/run-serve.ts'), 'utf8'))?.[1]);

  // Those who call, then what runs, then a last moment.
  expect(Number(settings.TimeoutStopSec) * 1000).toBeGreaterThan(2 * graceMs + 3000);
  expect(settings).toMatchObject({
    KillSignal: 'SIGTERM',
    KillMode: 'mixed',
    Restart: 'on-failure',
    RestartPreventExitStatus: '2',
  });
});

test.skipIf(!analyses)('systemd takes the unit as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-unit-'));
  const file = join(folder, 'sluice.service');
  // Its program is not on the machine of the tests.
  writeFileSync(file, unit.replaceAll('/opt/sluice/bin/sluice', '/bin/true'));

  const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });

  expect(stderr).toBe('');
  expect(status).toBe(0);
});
