import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json.ts';

/** Objects are described down to here; the rest is in the document. */
const levelsShown = 3;

/** A page that shows an OpenAPI document to people: no script, and everything in it escaped. */
export function referencePage(
  document: JsonObject,
  { style, source }: { style: string; source: string },
): string {
  const info = objectIn(document.info);
  const operations = Object.entries(objectIn(document.paths)).flatMap(([path, methods]) =>
    Object.entries(objectIn(methods)).map(([method, operation]) => ({
      path,
      method,
      ...objectIn(operation),
    })),
  );
  const groups = listIn(document.tags).map((tag) => textIn(objectIn(tag).name));
  const title = `${textIn(info.title)} ${textIn(info.version)}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}: HTTP API</title><link rel="stylesheet" href="${escaped(style)}"></head>
<body><header><h1>${escaped(title)}</h1><p>${escaped(textIn(info.description))}</p>
<p>This page shows <a href="${escaped(source)}">the OpenAPI document</a>.</p></header>
<nav><ul>${groups.map((group) => `<li><a href="#${anchor(group)}">${escaped(group)}</a></li>`).join('')}</ul></nav>
<main>${groups.map((group) => section(group, operations)).join('\n')}</main></body></html>
`;
}

type Described = JsonObject & { readonly path: string; readonly method: string };

const section = (group: string, operations: readonly Described[]) => `
<section id="${anchor(group)}"><h2>${escaped(group)}</h2>
${operations
  .filter(({ tags }) => listIn(tags).includes(group))
  .map(article)
  .join('\n')}</section>`;

function article(operation: Described): string {
  const { path, method, operationId, summary, description, parameters, requestBody, responses } = operation;
  return `<article id="${anchor(textIn(operationId))}">
<h3><code><b>${escaped(method.toUpperCase())}</b> ${escaped(path)}</code></h3>
<p>${escaped(textIn(summary))}</p>${paragraph(description)}
${parametersTable(listIn(parameters).map(objectIn))}${bodyPart(objectIn(requestBody))}${answersPart(objectIn(responses))}
</article>`;
}

const paragraph = (words: JsonValue | undefined) =>
  words === undefined ? '' : `<p>${escaped(textIn(words))}</p>`;

function parametersTable(parameters: readonly JsonObject[]): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    ({ name, in: place, schema, description }) =>
      `<tr><td><code>${escaped(textIn(name))}</code></td><td>${escaped(textIn(place))}</td><td>${escaped(kindOf(objectIn(schema)))}</td><td>${escaped(textIn(description))}</td></tr>`,
  );
  return `<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function bodyPart({ content, description }: JsonObject): string {
  if (content === undefined) return '';
  const kinds = Object.entries(objectIn(content)).map(([mediaType, given]) => {
    const { schema, example } = objectIn(given);
    const shown = example === undefined ? '' : `<pre>${escaped(JSON.stringify(example, null, 2))}</pre>`;
    return `<p><code>${escaped(mediaType)}</code></p>${fieldsOf(objectIn(schema), 0)}${shown}`;
  });
  return `<details><summary>Body</summary>${paragraph(description)}${kinds.join('')}</details>`;
}

function answersPart(responses: JsonObject): string {
  const answers = Object.entries(responses).flatMap(([status, answer]) => {
    const { description, content } = objectIn(answer);
    if (description === undefined) return [];
    const schemas = Object.values(objectIn(content)).map((given) => objectIn(objectIn(given).schema));
    return `<details><summary>${escaped(status)}: ${escaped(textIn(description))}</summary>${schemas.map((schema) => fieldsOf(schema, 0)).join('')}</details>`;
  });
  return answers.join('');
}

function fieldsOf(schema: JsonObject, level: number): string {
  const inner = schema.items === undefined ? schema : objectIn(schema.items);
  const fields = Object.entries(objectIn(inner.properties));
  if (fields.length === 0 || level >= levelsShown) return '';
  const required = listIn(inner.required);
  const items = fields.map(([name, given]) => {
    const field = objectIn(given);
    const mark = required.includes(name) ? ', always' : '';
    return `<li><code>${escaped(name)}</code> <i>${escaped(kindOf(field))}${mark}</i> ${escaped(textIn(field.description))}${fieldsOf(field, level + 1)}</li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function kindOf({ type, enum: words, items, anyOf, default: byDefault }: JsonObject): string {
  const kinds = Array.isArray(words) ? words.map(textIn).join(' | ') : listIn(type).map(textIn).join(' or ');
  const inner = items === undefined ? '' : ` of ${kindOf(objectIn(items))}`;
  const others = listIn(anyOf).map((option) => kindOf(objectIn(option)));
  const kind = kinds === '' ? [...new Set(others)].join(' or ') || 'any' : `${kinds}${inner}`;
  return byDefault === undefined ? kind : `${kind}, default ${JSON.stringify(byDefault)}`;
}

const objectIn = (value: JsonValue | undefined): JsonObject =>
  value !== undefined && isJsonObject(value) ? value : {};

function listIn(value: JsonValue | undefined): readonly JsonValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

const textIn = (value: JsonValue | undefined) =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

const anchor = (text: string) => escaped(text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'));

const marks: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escaped = (text: string) => text.replace(/[&<>"']/g, (mark) => marks[mark] ?? mark);

/** How the page looks, in a file of its own: the page allows no style inside it. */
export const referenceStyle = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h3 { margin-bottom: 0; } article { border-top: 1px solid #8884; padding: 0.5rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.6rem 0.2rem 0; }
pre { background: #8881; padding: 0.6rem; overflow: auto; } nav ul { padding: 0; } nav li { display: inline-block; margin-right: 1rem; }
:root { color-scheme: light dark; }
`;
