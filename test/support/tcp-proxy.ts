import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Where the proxy leads: a host and port, or the path of a socket. */
export type Upstream = { readonly host: string; readonly port: number } | { readonly path: string };

/** Stands between a client and a server and breaks what passes. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts every connection and refuses new ones, until `restore`. */
  refuse(): void;
  /** Keeps connections open and passes nothing on in either direction, until `restore`. */
  holdBack(): void;
  restore(): void;
  /** Keeps the present connections open for ever and passes nothing on; new ones work. */
  abandon(): void;
  /**
   * The next answer of the server, or the one after `skip` others, is swallowed and its connection cut:
   * what was asked has been done, and the client cannot know.
   */
  loseAnswer(skip?: number): void;
  /** Answers swallowed so far. */
  readonly lost: number;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startTcpProxy(upstream: Upstream): Promise<TcpProxy> {
  const links = new Set<Link>();
  let state: 'open' | 'refusing' | 'holding' = 'open';
  /** Answers to pass on before one is lost; negative: none will be. */
  let skip = -1;
  let lost = 0;

  const listener = createServer((client) => {
    if (state === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    const link = { client, server: connect(upstream) };
    links.add(link);
    pass(client, link.server);
    link.server.on('data', (piece) => {
      if (skip !== 0) client.write(piece);
      else {
        cut(link);
        lost++;
      }
      skip--;
    });
    for (const end of [client, link.server]) {
      end.on('error', () => {});
      end.on('close', () => {
        cut(link);
        links.delete(link);
      });
    }
    if (state === 'holding') hold(link);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    port: (listener.address() as AddressInfo).port,
    refuse() {
      state = 'refusing';
      for (const link of links) cut(link);
    },
    holdBack() {
      state = 'holding';
      for (const link of links) hold(link);
    },
    restore() {
      state = 'open';
      for (const { client, server } of links) {
        client.resume();
        server.resume();
      }
    },
    abandon() {
      for (const link of links) hold(link);
    },
    loseAnswer(after = 0) {
      skip = after;
    },
    get lost() {
      return lost;
    },
    async close() {
      for (const link of links) cut(link);
      listener.close();
      await once(listener, 'close');
    },
  };
}

function pass(from: Socket, to: Socket): void {
  from.on('data', (piece) => to.write(piece));
}

function hold({ client, server }: Link): void {
  client.pause();
  server.pause();
}

function cut({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}
