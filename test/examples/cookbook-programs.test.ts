import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { resultOf, run } from '../flows/steps/run-flow.ts';
import { type Hit, type Mode, status } from '../support/target.ts';
import { changed, connectorsWith, secrets, textOf } from './recipes.ts';
import { answer, callsOf, served } from './served.ts';

async function emptyFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'sluice-cookbook-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

function files({ path }: Hit): Mode {
  if (path === '/large.jpg') return { kind: 'huge', bytes: 3_000_000 };
  if (path === '/busy.jpg') return status(503);
  if (path === '/away.jpg') return { kind: 'reset' };
  if (path === '/moved.jpg') return { kind: 'redirect', to: '/large.jpg' };
  return path === '/none.jpg' ? status(404) : answer('a picture');
}

test('4: files are saved whole, under their ids', { timeout: 60_000 }, async () => {
  const { url } = await served(files);
  const folder = await emptyFolder();
  const flow = changed(textOf('file-download.yaml'), 'https://images.example.com/', `${url}/`);
  const download = (row: JsonValue) => run(flow, row, { params: { folder: join(folder, 'new') } });

  const saved = await download({ id: '1', url: `${url}/large.jpg` });
  await download({ id: '../../2', url: `${url}/small.PNG?size=2` });
  const classes = [];
  for (const name of ['busy', 'away', 'none', 'moved']) {
    const { failure } = await download({ id: name, url: `${url}/${name}.jpg` });
    classes.push([name, failure?.class, failure?.untrustedMessage]);
  }

  expect(saved.result).toEqual({ path: join(folder, 'new/1.jpg'), bytes: 3_000_000 });
  expect((await stat(join(folder, 'new/1.jpg'))).size).toBe(3_000_000);
  expect((await readdir(join(folder, 'new'))).sort()).toEqual(['-2.PNG', '1.jpg']);
  expect(classes).toEqual([
    ['busy', 'transient', 'the server answered 503'],
    ['away', 'transient', expect.stringContaining('reset')],
    ['none', 'data', 'HTTP Error 404: Not Found'],
    ['moved', 'data', 'HTTP Error 302: Found'],
  ]);
});

test('4: a download that is cut short leaves nothing under its name, and is tried again', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('the beginning', () => response.socket?.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const folder = await emptyFolder();
  const flow = changed(textOf('file-download.yaml'), 'https://images.example.com/', url);

  const { failure } = await run(flow, { id: 'a', url: `${url}a.jpg` }, { params: { folder } });

  expect(failure).toMatchObject({ class: 'transient', untrustedMessage: 'the download was cut short' });
  expect(await readdir(folder)).toEqual(['a.jpg.part']);
});

test('4: a host that the flow does not name is not called', async () => {
  const { url, hits } = await served();
  const flow = textOf('file-download.yaml');

  for (const wrong of [`${url}/a.jpg`, 'https://images.example.com.evil.org/a.jpg', 'file:///etc/passwd']) {
    const { failure } = await run(flow, { id: '1', url: wrong }, { params: { folder: '/nowhere' } });
    expect(failure).toMatchObject({ code: 'host_not_named', step: 'host' });
  }
  expect(hits).toEqual([]);
});

const tracker = {
  command: process.execPath,
  args: [resolve(import.meta.dirname, 'tracker.mjs')],
};

test('6: each row is an issue in the tracker of another server', async () => {
  const options = { connectors: connectorsWith({ tracker }), env: secrets };
  const flow = `${textOf('ticket-import.yaml')}  all: "{{ steps.file.result }}"\n`;
  const row = { subject: ' Printer on fire ', reporter: '', text: 'Smoke.', labels: 'urgent;hardware' };

  expect(await resultOf(flow, row, options)).toEqual({
    issue: 1,
    all: {
      number: 1,
      issue: {
        title: 'Printer on fire',
        body: 'Reported by somebody\n\nSmoke.',
        labels: ['urgent', 'hardware'],
      },
      as: '[secret]',
    },
  });
});

test('6: what the tracker refuses fails that row, in its own words', async () => {
  const options = { connectors: connectorsWith({ tracker }), env: secrets };
  const row = { subject: 'A', text: 'b', labels: 'forbidden' };

  expect((await run(textOf('ticket-import.yaml'), row, options)).failure).toMatchObject({
    class: 'data',
    message: 'tracker: the tool create_issue answered with an error',
    untrustedMessage: 'there is no label forbidden',
  });
});

test('7: a text is cleaned, gets the topic it has most words of, and goes to the CRM', async () => {
  const crm = await served();
  const flow = textOf('feedback-classify.yaml');

  const topics = [];
  for (const text of ['I was  charged twice:\n refund!', 'The parcel came late', 'Nice']) {
    topics.push(await resultOf(flow, { id: 5, text }, crm.options));
  }

  expect(topics).toEqual([{ topic: 'billing' }, { topic: 'delivery' }, { topic: 'other' }]);
  expect(callsOf(crm)[0]).toEqual([
    'PATCH',
    '/api/feedback/5',
    { text: 'I was charged twice: refund!', topic: 'billing' },
  ]);
});

test('7: a record without a text fails and leaves the CRM alone', async () => {
  const crm = await served();

  const { failure } = await run(textOf('feedback-classify.yaml'), { id: 5, text: ' ' }, crm.options);

  expect(failure).toMatchObject({
    code: 'python_error',
    step: 'classify',
    untrustedMessage: 'there is no text',
  });
  expect(crm.hits).toEqual([]);
});
