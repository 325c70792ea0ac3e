import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type AccessToken, addToken, expireToken, listTokens, rotateToken } from '../store/access-tokens.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

/** Characters of a token that are kept, so that its holder can tell which one it is. */
const prefixLength = 12;
const dayMs = 86_400_000;

/** Of a token, as it is kept: SHA-256 in hexadecimal digits. */
export const tokenDigest = (token: string) => createHash('sha256').update(token).digest('hex');

function newToken() {
  const token = `slc_${randomBytes(32).toString('base64url')}`;
  return { token, id: randomUUID(), digest: tokenDigest(token), prefix: token.slice(0, prefixLength) };
}

const span = z
  .string()
  .regex(/^\d{1,9}(\.\d+)?\s*(s|m|min|h|d)$/, 'must be a time with its unit, such as 90d or 24h')
  .transform((text) => parseDuration(text) ?? 0)
  .refine((ms) => ms <= 36_500 * dayMs, 'must be at most 36500d');

const ownerInput = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,60}$/,
    'must be a name of small letters, digits, - and _, at most 61 characters',
  );
const idInput = z
  .string()
  .regex(/^[0-9a-f][0-9a-f-]{7,35}$/, 'must be the first 8 or more characters of an id');

const tokenOutput = z.object({
  id: z.string(),
  owner: z.string(),
  prefix: z.string(),
  flow: z.string().optional(),
  label: z.string().optional(),
  created_at: z.string(),
  expires_at: z.string().optional(),
});

const madeOutput = z.object({
  id: z.string(),
  owner: z.string(),
  flow: z.string().optional(),
  token: z.string(),
});

/** Tokens are made and ended at a terminal only: no model and no program over HTTP has a say in who may come in. */
export const createToken = defineOperation({
  name: 'create_token',
  title: 'Create an access token',
  description: 'Makes a token for HTTP, which is shown once and kept as a digest.',
  effect: 'save',
  input: z.strictObject({
    owner: ownerInput,
    label: textInput(200).optional().describe('what it is for'),
    expires: span.optional().describe('how long it is good for, such as 90d; for ever unless given'),
    flow: textInput(100).optional().describe('opens only the published API of this flow'),
  }),
  output: madeOutput,

  async run(context, { owner, label = null, expires: lifeMs = null, flow }) {
    const { db } = await context.open();
    const { token, ...kept } = newToken();
    await addToken(db, { ...kept, owner, label, lifeMs, flowName: flow ?? null });
    return { id: kept.id, owner, ...(flow === undefined ? {} : { flow }), token };
  },
});

export const listAccessTokens = defineOperation({
  name: 'list_tokens',
  title: 'List access tokens',
  description: 'Lists the tokens that are good, by their beginning.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({ tokens: z.array(tokenOutput) }),

  async run(context) {
    const { db } = await context.open();
    return { tokens: (await listTokens(db)).map(described) };
  },
});

export const revokeToken = defineOperation({
  name: 'revoke_token',
  title: 'Revoke an access token',
  description: 'Ends a token, at once or after a while.',
  effect: 'save',
  input: z.strictObject({ id: idInput, grace: span.optional().describe('it stays good for so long') }),
  output: z.object({ id: z.string(), ends_in_seconds: z.number() }),

  async run(context, { id, grace: graceMs = 0 }) {
    const { db } = await context.open();
    checkOne(id, await expireToken(db, id, graceMs));
    return { id, ends_in_seconds: graceMs / 1000 };
  },
});

export const replaceToken = defineOperation({
  name: 'rotate_token',
  title: 'Rotate an access token',
  description: 'Makes a new token in place of another, which ends after a while.',
  effect: 'save',
  input: z.strictObject({
    id: idInput,
    grace: span.optional().describe('the old one stays good for so long; 24h unless given'),
  }),
  output: z.object({ ...madeOutput.shape, replaces: z.string(), old_ends_in_seconds: z.number() }),

  async run(context, { id, grace: graceMs = dayMs }) {
    const { db } = await context.open();
    const { token, ...kept } = newToken();
    const { count, holder } = await rotateToken(db, id, kept, graceMs);
    checkOne(id, count);
    const { owner = '', flowName = null } = holder ?? {};
    return {
      id: kept.id,
      owner,
      ...(flowName === null ? {} : { flow: flowName }),
      token,
      replaces: id,
      old_ends_in_seconds: graceMs / 1000,
    };
  },
});

function checkOne(id: string, count: number): void {
  if (count === 1) return;
  const message =
    count === 0
      ? `No token that is good has an id beginning with ${id}; \`sluice tokens list\` shows them. Nothing was changed.`
      : `${count} tokens have an id beginning with ${id}: give more of it. Nothing was changed.`;
  throw new SluiceError(count === 0 ? 'token_not_found' : 'invalid_input', message);
}

const described = ({ id, owner, prefix, flowName, label, createdAt, expiresAt }: AccessToken) => ({
  id,
  owner,
  prefix,
  ...(flowName === null ? {} : { flow: flowName }),
  ...(label === null ? {} : { label }),
  created_at: new Date(createdAt).toISOString(),
  ...(expiresAt === null ? {} : { expires_at: new Date(expiresAt).toISOString() }),
});
