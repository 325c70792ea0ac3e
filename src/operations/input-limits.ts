import { z } from 'zod';

/** The largest count the database keeps. */
export const countAtMost = 2_147_483_647;

/** Final failures after which a job stops. */
export const maxFailuresInput = z.number().int().min(1).max(countAtMost).optional();

/** Share of failed records that stops a job. */
export const failureRateInput = z.number().gt(0).max(1).optional();

/** A text parameter that the database can hold. */
export const textInput = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must hold no NUL and no half characters');

/** Words out of a few, in whatever order. Each that is wrong would cost time: a call may bring a million. */
export const choiceInput = <const Words extends readonly string[]>(words: Words) =>
  z.array(z.enum(words)).min(1).max(20);
