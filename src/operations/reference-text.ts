import { shortened } from './flow-state.ts';

const aboutAtMost = 90;

/** A topic by its page (undefined: the same one) and heading (undefined: the whole page); undefined: it is none. */
type TopicOf = (page: string | undefined, anchor: string | undefined) => string | undefined;

/** A part of the docs as it is read by itself: links name the topic they lead to, and tables are not aligned. */
export function plainText(markdown: string, topicOf: TopicOf): string {
  return markdown
    .trim()
    .split(/^(```.*\n[\s\S]*?^```$)/m)
    .map((part) => (part.startsWith('```') ? part : withoutLinks(withoutPadding(part), topicOf)))
    .join('');
}

const withoutPadding = (prose: string) =>
  prose.replace(/^\|.*$/gm, (row) => row.replace(/ {2,}/g, ' ').replace(/-{4,}/g, '---'));

/** Code is matched before links, so that brackets in it are none. */
const codeOrLink = /`[^`\n]*`|\[([^\]]+)\]\(([^)\s]+)\)/g;

function withoutLinks(prose: string, topicOf: TopicOf): string {
  return prose.replace(codeOrLink, (whole, words: string | undefined, link = '') =>
    words === undefined || /^[a-z]+:/.test(link) ? whole : said(words, link, topicOf),
  );
}

function said(words: string, link: string, topicOf: TopicOf): string {
  const [path = '', anchor] = link.split('#');
  const topic = topicOf(path === '' ? undefined : path.replace(/\.md$/, ''), anchor);
  const place = topic === undefined ? `docs/${path}` : `topic ${topic}`;
  return words.endsWith('.md') ? place : `${words} (${place})`;
}

/** What a part is about, as its first sentence of prose says it. */
export function firstSentence(text: string): string {
  const prose = text
    .replace(/^```.*\n[\s\S]*?^```$/gm, '')
    .replace(/^(?:#|\||Also written ).*$/gm, '')
    .replace(/^- /gm, '')
    .trim();
  const [paragraph = ''] = prose.split(/\n{2,}/);
  const [sentence = ''] = paragraph.replace(/\s+/g, ' ').split(/\. /);
  return shortened(sentence.replace(/[.:]$/, ''), aboutAtMost);
}
