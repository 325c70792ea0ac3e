import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { findUpload, listUploads as pageOf, removeUpload, type Upload } from '../store/uploads.ts';
import type { OperationContext } from './context.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How every operation takes an upload. */
export const uploadIdInput = textInput(100);

export const uploadOutput = z.object({
  upload_id: z.string(),
  name: z.string(),
  bytes: z.number().int(),
  created_at: z.string(),
});

/** Files that were sent over HTTP, or fetched. Not among the operations of every surface: a chat has paths. */
export const listUploads = defineOperation({
  name: 'list_uploads',
  title: 'List uploads',
  description: 'Lists the files that were sent or fetched, newest first.',
  effect: 'read',
  input: z.strictObject({
    limit: z.number().int().min(1).max(100).default(50),
    cursor: z.string().regex(uuid, 'must be a next_cursor of an earlier answer').optional(),
  }),
  output: z.object({ uploads: z.array(uploadOutput), next_cursor: z.string().optional() }),

  async run(context, { limit, cursor }) {
    const { db } = await context.open();
    const found = await pageOf(db, { before: cursor, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      uploads: page.map(describeUpload),
      ...(last !== undefined && found.length > limit ? { next_cursor: last.id } : {}),
    };
  },
});

export const getUpload = defineOperation({
  name: 'get_upload',
  title: 'Get an upload',
  description: 'Says what is known of a file that was sent.',
  effect: 'read',
  input: z.strictObject({ upload_id: uploadIdInput }),
  output: uploadOutput,

  async run(context, { upload_id }) {
    return describeUpload(await existingUpload((await context.open()).db, upload_id));
  },
});

export const deleteUpload = defineOperation({
  name: 'delete_upload',
  title: 'Delete an upload',
  description: 'Deletes a file that was sent, unless an unfinished job reads it.',
  effect: 'steer',
  input: z.strictObject({ upload_id: uploadIdInput }),
  output: z.object({ upload_id: z.string(), deleted: z.literal(true) }),

  async run(context, { upload_id }) {
    const { db } = await context.open();
    const { id, file } = await existingUpload(db, upload_id);
    if (!(await dropUpload(context, { id, file }))) {
      // It may have been deleted by somebody else meanwhile.
      await existingUpload(db, id);
      throw new SluiceError(
        'upload_in_use',
        `A batch job that has not finished reads the upload ${id}. Cancel it, or wait for its end. Nothing was changed.`,
      );
    }
    return { upload_id: id, deleted: true as const };
  },
});

/**
 * Deletes an upload and its file. False: an unfinished job reads it, or it is not there, or it has been kept anew after
 * `since`.
 */
export async function dropUpload(
  { open, uploadsFolder }: OperationContext,
  { id, file }: Pick<Upload, 'id' | 'file'>,
  since?: string,
): Promise<boolean> {
  const { db } = await open();
  if (!(await removeUpload(db, id, since))) return false;
  await rm(join(uploadsFolder, file), { force: true });
  return true;
}

/** @throws SluiceError `upload_not_found` */
async function existingUpload(db: Database, id: string): Promise<Upload> {
  const found = uuid.test(id) ? await findUpload(db, id.toLowerCase()) : undefined;
  if (found !== undefined) return found;
  throw new SluiceError(
    'upload_not_found',
    `There is no upload "${id.slice(0, 60)}". POST /api/v1/uploads takes a file and answers with its upload_id; preview_batch with source.url fetches one.`,
  );
}

/** Where the bytes of an upload are, and what its sender calls it. */
export async function uploadedFile({ uploadsFolder }: OperationContext, db: Database, uploadId: string) {
  const { id, name, file } = await existingUpload(db, uploadId);
  return { path: join(uploadsFolder, file), upload: { id, name } };
}

const describeUpload = ({ id, name, bytes, createdAt }: Upload) => ({
  upload_id: id,
  name,
  bytes,
  created_at: createdAt.toISOString(),
});
