import { isJsonObject } from '../../domain/json.ts';
import { Refusal } from '../problem.ts';
import { ticketSeconds } from '../tickets.ts';
import { readBody } from './read-body.ts';
import { refuseUnknown } from './read-query.ts';
import { type ApiContext, type ApiOptions, apiBase, type Route } from './route.ts';

const eventsPath = new RegExp(`^${apiBase}/batches/[0-9A-Za-z-]{1,100}/events$`);

export const ticketRoutes: readonly Route[] = [
  {
    method: 'post',
    path: '/tickets',
    id: 'createTicket',
    group: 'Tickets',
    summary: 'Get a ticket that opens one stream of events, once, for readers that cannot send a header',
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: { path: { type: 'string', description: 'The path of the stream, without a query' } },
            required: ['path'],
            additionalProperties: false,
          },
          example: { path: `${apiBase}/batches/0197a4c2-1b7e-7c3a-9b1f-2f6f0c0a1d2e/events` },
        },
      },
    },
    responses: {
      '201': {
        description: 'The ticket, which goes into the query as ticket',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: {
                ticket: { type: 'string' },
                expires_in: { type: 'integer', description: 'Seconds' },
              },
              required: ['ticket', 'expires_in'],
            },
          },
        },
      },
    },
    handle: createTicket,
  },
];

async function createTicket(c: ApiContext, { tickets }: ApiOptions): Promise<Response> {
  refuseUnknown(Object.keys(c.req.queries()), []);
  const given = await readBody(c, { body: 'required' });
  const { path, ...others } = isJsonObject(given) ? given : {};
  if (typeof path !== 'string' || !eventsPath.test(path) || Object.keys(others).length > 0) {
    throw new Refusal(
      400,
      'invalid_input',
      `Give {"path": "${apiBase}/batches/ID/events"}: a ticket is for the events of one job. Nothing was issued.`,
    );
  }
  const ticket = tickets.issue(c.get('principal'), path);
  if (ticket === undefined)
    throw new Refusal(503, 'too_many_tickets', 'Too many tickets wait to be used. Try later.');
  return c.json({ ticket, expires_in: ticketSeconds }, 201, { 'cache-control': 'no-store' });
}
