import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { firstSentence, plainText } from './reference-text.ts';

const docs = join(dirname(createRequire(import.meta.url).resolve('sluice-mcp/package.json')), 'docs');
/** The pages that say how flows are written, in the order of the topics. */
const files = ['flows', 'steps', 'transforms', 'code-flows', 'repair', 'cookbook'];

/** What one heading of the docs stands over. */
export interface Topic {
  /** As code hosts name the heading in an address; behind its page's name where two pages have it. */
  readonly name: string;
  /** Its first sentence. */
  readonly about: string;
  readonly text: string;
  /** Names of what stands around it: the topic it is a part of, the others of that, and its own parts. */
  readonly related: readonly string[];
}

export interface Page {
  readonly file: string;
  readonly text: string;
}

interface Section extends Page {
  readonly anchor: string;
  readonly level: number;
  /** Position of the section that it is a part of; undefined: it is a page. */
  readonly parent: number | undefined;
}

/** All topics of the docs that came with this program. */
export async function readTopics(): Promise<Topic[]> {
  return topicsOf(
    await Promise.all(
      files.map(async (file) => ({ file, text: await readFile(join(docs, `${file}.md`), 'utf8') })),
    ),
  );
}

export function topicsOf(pages: readonly Page[]): Topic[] {
  const sections = withParents(pages.flatMap(sectionsOf));
  const names = sections.map(({ file, anchor }) =>
    sections.filter((other) => other.anchor === anchor).length === 1 ? anchor : `${file}/${anchor}`,
  );
  const nameOf = (file: string, anchor: string | undefined) => {
    const ofPage = sections.findIndex((section) => section.file === file);
    const exact = sections.findIndex((section) => section.file === file && section.anchor === anchor);
    return names[exact < 0 ? ofPage : exact];
  };
  return sections.map((section, at) => {
    const text = plainText(section.text, (page, anchor) => nameOf(page ?? section.file, anchor));
    const related = names.filter((_, other) => other !== at && isRelated(sections, at, other));
    return { name: names[at] ?? section.anchor, about: firstSentence(text), text, related };
  });
}

function sectionsOf({ file, text }: Page): Omit<Section, 'parent'>[] {
  // A comment in an example begins like a heading.
  const codeBlock = /^(`{3,}).*\n[\s\S]*?^\1$/gm;
  const outside = text.replace(codeBlock, (block) => block.replace(/[^\n]/g, ' '));
  const headings = [...outside.matchAll(/^(#{1,3}) (.+)$/gm)];
  return headings.map(({ index, 1: signs = '', 2: heading = '' }, at) => ({
    file,
    anchor: anchorOf(heading),
    level: signs.length,
    text: text.slice(index, headings[at + 1]?.index),
  }));
}

function withParents(sections: readonly Omit<Section, 'parent'>[]): Section[] {
  return sections.map((section, at) => {
    const parent = sections.slice(0, at).findLastIndex(({ level }) => level < section.level);
    return { ...section, parent: parent < 0 ? undefined : parent };
  });
}

function isRelated(sections: readonly Section[], at: number, other: number): boolean {
  const [parent, otherParent] = [sections[at]?.parent, sections[other]?.parent];
  return parent === other || otherParent === at || (parent !== undefined && otherParent === parent);
}

/** The name of a heading in an address, as code hosts make it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
