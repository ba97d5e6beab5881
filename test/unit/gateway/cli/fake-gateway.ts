/** A stand-in for a gateway: remembers requests, answers as told, and sends frames to clients. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';

export interface SeenRequest {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeGateway {
  readonly endpoint: string;
  readonly requests: readonly SeenRequest[];
}

interface FakeOptions {
  readonly status?: number;
  readonly answer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly onClient?: (socket: WebSocket) => void;
}

/** Listens on a free port until the test ends. */
export async function startFakeGateway(
  t: TestContext,
  options: FakeOptions = {},
): Promise<FakeGateway> {
  const requests: SeenRequest[] = [];
  const see = (request: IncomingMessage, body: string): void => {
    const { method, url = '', headers } = request;
    requests.push({ method, url, headers, body });
  };
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      see(request, body.toString());
      const headers = { connection: 'close', ...options.headers };
      response.writeHead(options.status ?? 202, headers).end(options.answer);
    });
  });
  const { onClient } = options;
  if (onClient !== undefined) {
    const webSockets = new WebSocketServer({ server });
    webSockets.on('connection', (socket, request) => {
      see(request, '');
      onClient(socket);
    });
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${String(port)}`, requests };
}

/** The claims of a token, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(payload) as Record<string, unknown>;
}
