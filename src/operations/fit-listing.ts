import { cutTo, tokensOf } from './answer-size.ts';
import { fitPage } from './fit-page.ts';
import { answerTokens } from './response-format.ts';

interface Missing {
  readonly connector?: string;
  readonly reason: string;
  readonly setup_command?: string;
}

/** All there is to list, as it is without a limit. */
interface Listing<Flow, Invalid, Draft, Connector> {
  readonly folder: string;
  readonly flows: readonly (Flow & {
    name: string;
    summary: string;
    description?: string;
    missing?: Missing[];
  })[];
  readonly invalid: readonly (Invalid & { problems: string[] })[];
  readonly drafts: readonly (Draft & { reasons: string[] })[];
  readonly connectors: readonly (Connector & { missing?: Missing })[];
  readonly next_step: string;
}

/** What each list may cost, in tokens; flows take what is left. */
const room = { invalid: 400, drafts: 200, connectors: 350, names: 250, besides: 80 };
const sentence = 30;

/**
 * The listing as it fits a conversation: every list from its beginning, sentences cut, and of the flows that
 * did not fit the names.
 */
export function fitListing<F extends object, I extends object, D extends object, C extends object>(
  listing: Listing<F, I, D, C>,
) {
  const { invalid, drafts, connectors, flows } = listing;
  const shown = {
    folder: listing.folder,
    invalid: fitPage(invalid.map(shortInvalid), room.invalid),
    drafts: fitPage(drafts.map(shortDraft), room.drafts),
    connectors: fitPage(connectors.map(shortConnector), room.connectors),
    next_step: listing.next_step,
  };
  const left = answerTokens.concise - room.names - room.besides - tokensOf(shown);
  const fitting = fitPage(flows.map(shortFlow), left);
  const rest = flows.slice(fitting.length).map(({ name }) => name);
  const names = fitPage(rest, room.names);
  const omitted =
    rest.length -
    names.length +
    (invalid.length - shown.invalid.length) +
    (drafts.length - shown.drafts.length) +
    (connectors.length - shown.connectors.length);
  return {
    ...shown,
    flows: fitting,
    ...(rest.length === 0 ? {} : { more_flows: names }),
    ...(omitted === 0 ? {} : { omitted }),
  };
}

const shortInvalid = <I extends { problems: string[] }>(file: I): I => ({
  ...file,
  problems: file.problems.slice(0, 3).map((problem) => cutTo(problem, 2 * sentence)),
});

const shortDraft = <D extends { reasons: string[] }>(draft: D): D => ({
  ...draft,
  reasons: draft.reasons.slice(0, 3).map((reason) => cutTo(reason, sentence)),
});

const shortConnector = <C extends { missing?: Missing }>(connector: C): C =>
  connector.missing === undefined ? connector : { ...connector, missing: shortMissing(connector.missing) };

const shortFlow = <F extends { summary: string; description?: string; missing?: Missing[] }>(flow: F): F => ({
  ...flow,
  summary: cutTo(flow.summary, sentence),
  ...(flow.description === undefined ? {} : { description: cutTo(flow.description, sentence) }),
  ...(flow.missing === undefined ? {} : { missing: flow.missing.slice(0, 3).map(shortMissing) }),
});

const shortMissing = <M extends Missing>(missing: M): M => ({
  ...missing,
  reason: cutTo(missing.reason, 2 * sentence),
});
