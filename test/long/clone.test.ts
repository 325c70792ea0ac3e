import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inviteStranger, npmOfThisMachine, root, writtenCommands } from './stranger.ts';

const stranger = inviteStranger();
const main = join(stranger.folder, 'dist/main.js');

afterAll(() => {
  if (existsSync(main)) stranger.run(process.execPath, [main, 'stop']);
  stranger.leave();
});

test('the commands of the notes for a clone run as written, and a package can be made of it', () => {
  const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const files = listed.stdout.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
  for (const file of files) cpSync(join(root, file), join(stranger.folder, file));

  const said = stranger.run('sh', ['-ec', writtenCommands('From a clone')], npmOfThisMachine);
  const packed = stranger.run('npm', ['pack', '--silent'], npmOfThisMachine);

  expect(said).toMatch(/ok +database/);
  expect(said).toContain('"mcpServers"');
  expect(packed).toMatch(/^sluice-mcp-[\d.]+\.tgz$/m);
});
