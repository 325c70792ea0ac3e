import { expect, test } from 'vitest';
import type { FlowAnswer } from '../../src/page/answers.ts';
import { type StartForm, toRequest } from '../../src/page/start-form.ts';
import type { Upload } from '../../src/page/use-upload.ts';

const flow = {
  name: 'import',
  parameters: [
    { name: 'month', required: true, type: 'string' },
    { name: 'region', required: false, default: 'EU' },
    { name: 'limit', required: false, type: 'integer' },
    { name: 'loose', required: false },
  ],
} as unknown as FlowAnswer;

const form: StartForm = {
  flow: 'import',
  upload: { upload_id: 'u1' } as Upload,
  params: {},
  arrayPath: '',
  concurrency: '',
  idField: '',
  label: '',
};

test('what is typed for a text stays one, and anything else is read as JSON', () => {
  const params = { month: '10', region: '5', limit: '10', loose: '10' };

  expect(toRequest({ ...form, params }, flow)).toMatchObject({
    params: { month: '10', region: '5', limit: 10, loose: 10 },
  });
});

test('a field that is left empty is not sent', () => {
  expect(toRequest({ ...form, params: { month: '' } }, flow)).toEqual({
    flow_id: 'import',
    source: { upload_id: 'u1' },
  });
});

test('a list inside a JSON document is read from where a person says it is', () => {
  expect(toRequest({ ...form, arrayPath: 'data.items' }, flow)).toMatchObject({
    source: { upload_id: 'u1', array_path: 'data.items' },
  });
});
