/** An HTTP proxy of loopback that passes requests on, and can lose the answers to them. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface LosingProxy {
  readonly url: string;
  /** The requests that were passed on, answers lost or not. */
  readonly passed: readonly IncomingMessage[];
  /** The answers to the next so many requests are lost: their connections are cut. */
  lose(count: number): void;
}

/** Listens on a free port until the test ends. */
export async function startLosingProxy(t: TestContext, target: string): Promise<LosingProxy> {
  const passed: IncomingMessage[] = [];
  const failures: unknown[] = [];
  let losses = 0;
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const body = await buffer(request);
      const answer = await fetch(target + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: headersOf(request),
        ...(body.length > 0 ? { body } : {}),
      });
      const content = Buffer.from(await answer.arrayBuffer());
      passed.push(request);
      losses -= 1;
      if (losses >= 0) request.socket.destroy();
      else response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(content);
    };
    pass().catch((error: unknown) => {
      failures.push(error);
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
    if (failures.length > 0)
      throw new AggregateError(failures, 'the proxy could not pass a request');
  });
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    lose: (count) => {
      losses = count;
    },
  };
}

/** What belongs to the connection stays with it. */
function headersOf({ headers }: IncomingMessage): Headers {
  const passedOn = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    const isOfConnection = ['connection', 'content-length', 'host', 'transfer-encoding'];
    if (typeof value === 'string' && !isOfConnection.includes(name)) passedOn.set(name, value);
  }
  return passedOn;
}
