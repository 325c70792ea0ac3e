import { checkInput } from '../../operations/check-input.ts';
import { endingFor } from '../../operations/media-types.ts';
import { plainName, saveUpload, uploadTooLarge } from '../../operations/save-upload.ts';
import { deleteUpload, getUpload, listUploads, uploadOutput } from '../../operations/uploads.ts';
import { contextOf, type HttpOptions } from '../environment.ts';
import { Refusal } from '../problem.ts';
import { fileNameIn } from './file-name.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { type FormFile, readFormFile } from './multipart-file.ts';
import { refuseUnknown } from './read-query.ts';
import { type ApiContext, apiBase, type Route, route } from './route.ts';

const group = 'Uploads';
const bytes = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } } as const;

export const uploadRoutes: readonly Route[] = [
  {
    method: 'post',
    path: '/uploads',
    id: 'createUpload',
    group,
    summary: 'Send a file, to be the source of a batch job as {"upload_id": …}',
    parameters: [
      {
        name: 'name',
        in: 'query',
        description:
          'What the file is called; its ending tells the format. Else the name in Content-Disposition',
        schema: { type: 'string' },
      },
    ],
    requestBody: {
      required: true,
      description: 'The bytes of the file, or a form with one file',
      content: {
        'application/octet-stream': bytes,
        'text/csv': bytes,
        'application/x-ndjson': bytes,
        'multipart/form-data': {
          schema: { type: 'object', properties: { file: bytes.schema }, required: ['file'] },
        },
      },
    },
    responses: {
      '201': {
        description: 'The file is kept',
        content: { 'application/json': { schema: jsonSchemaOf(uploadOutput, 'output') } },
      },
    },
    handle: createUpload,
  },
  route({
    method: 'get',
    path: '/uploads',
    id: 'listUploads',
    group,
    summary: 'List uploads, newest first',
    operation: listUploads,
    query: { limit: {}, cursor: {} },
  }),
  route({
    method: 'get',
    path: '/uploads/{upload_id}',
    id: 'getUpload',
    group,
    summary: 'Get what is known of an upload',
    operation: getUpload,
  }),
  route({
    method: 'delete',
    path: '/uploads/{upload_id}',
    id: 'deleteUpload',
    group,
    summary: 'Delete an upload that no unfinished job reads',
    operation: deleteUpload,
  }),
];

async function createUpload(c: ApiContext, options: HttpOptions): Promise<Response> {
  refuseUnknown(Object.keys(c.req.queries()), ['name']);
  const context = contextOf(options, c);
  const { maxUploadBytes } = context.limits;
  if (Number(c.req.header('content-length') ?? 0) > maxUploadBytes) throw uploadTooLarge(maxUploadBytes);
  const { name, content } = await incomingFile(c);
  const { id } = await saveUpload(context, { name: plainName(name), content });
  const kept = await getUpload.run(context, checkInput(getUpload, { upload_id: id }));
  return c.json(kept, 201, { location: `${apiBase}/uploads/${id}` });
}

async function incomingFile(c: ApiContext): Promise<FormFile> {
  const contentType = c.req.header('content-type') ?? '';
  const { body } = c.req.raw;
  if (body === null) throw new Refusal(400, 'invalid_input', 'The upload is empty. Nothing was kept.');
  const named = c.req.query('name') ?? fileNameIn(c.req.header('content-disposition') ?? '');
  if (/^multipart\/form-data\b/i.test(contentType)) {
    const file = await readFormFile(body, contentType);
    return { name: named ?? file.name, content: file.content };
  }
  return { name: named ?? `upload${endingFor(contentType) ?? ''}`, content: body };
}
