import { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { readTopics, type Topic } from './reference-topics.ts';

/** What an author begins with. */
const beginning = 'the-smallest-flows';
const mentionsAtMost = 5;

export const getFlowReference = defineOperation({
  name: 'get_flow_reference',
  title: 'Flow reference',
  description:
    'How flows are written, by topic. Use it before save_flow; without topic: the smallest flows, and all topics.',
  effect: 'read',
  input: z.strictObject({ topic: textInput(100).optional() }),
  output: z.object({
    topic: z.string(),
    text: z.string(),
    topics: z.record(z.string(), z.string()),
    next_step: z.string(),
  }),

  async run(_, { topic: wanted }) {
    const topics = await readTopics();
    const topic = find(topics, wanted ?? beginning);
    const others = topics.filter(({ name }) =>
      wanted === undefined ? name !== topic.name : topic.related.includes(name),
    );
    return {
      topic: topic.name,
      text: topic.text,
      topics: Object.fromEntries(others.map(({ name, about }) => [name, about])),
      next_step:
        wanted === undefined
          ? 'get_flow_reference {"topic": "flows"} has all keys of a flow; save_flow checks the text of one and saves it.'
          : 'save_flow checks the text of a flow and saves it; get_flow_reference lists all topics.',
    };
  },
});

function find(topics: readonly Topic[], wanted: string): Topic {
  const topic = topics.find(({ name }) => plain(name) === plain(wanted));
  if (topic !== undefined) return topic;
  throw new SluiceError(
    'invalid_input',
    `get_flow_reference: topic: there is no topic ${JSON.stringify(wanted.slice(0, 60))}${guess(topics, wanted)} The topics are ${topics.map(({ name }) => name).join(', ')}.`,
  );
}

/** A topic may be named as its heading is written. */
const plain = (name: string) =>
  name
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
    ?.join('-') ?? '';

function guess(topics: readonly Topic[], wanted: string): string {
  const near = nearest(
    plain(wanted),
    topics.map(({ name }) => name),
  );
  if (near !== undefined) return `; did you mean ${near}?`;
  const mentions = topics
    .map(({ name, text }) => ({ name, share: shareOf(wanted, text) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, mentionsAtMost);
  return mentions.length === 0 ? '.' : `; it is spoken of in ${mentions.map(({ name }) => name).join(', ')}.`;
}

/** How much of a text is this word. */
const shareOf = (word: string, text: string) =>
  (text.toLowerCase().split(word.trim().toLowerCase()).length - 1) / text.length;
