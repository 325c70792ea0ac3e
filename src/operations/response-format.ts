import { z } from 'zod';

/** How much an answer says; what callers rely on is in both. */
export const formatInput = z.enum(['concise', 'detailed']).default('concise');
export type ResponseFormat = z.output<typeof formatInput>;

/** What an answer may cost a conversation, in tokens. */
export const answerTokens: Readonly<Record<ResponseFormat, number>> = { concise: 1900, detailed: 7500 };
