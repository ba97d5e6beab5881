/** A small HTTP server: routes by method and path, JSON in and out, one form for all errors. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What a handler is given. */
export interface Call {
  /** The parts of the path that the route names with a colon. */
  readonly params: Readonly<Record<string, string>>;
  /** The parsed JSON of the body; undefined without one. */
  readonly body: unknown;
  /** Of the header `Authorization: Bearer`. */
  readonly session: string | undefined;
}

/** What becomes JSON; undefined: 204. */
export type Handler = (call: Call) => unknown;

/** By method and path: `POST /api/rooms/:room/join`. */
export type Routes = Readonly<Record<string, Handler>>;

export interface Asset {
  readonly type: string;
  readonly body: string | Uint8Array;
}

export interface HttpServerOptions {
  readonly routes: Routes;
  /** By path. Read at each request. */
  readonly assets: ReadonlyMap<string, Asset>;
  /** Where pages may open WebSockets. */
  readonly clientUrl: string;
  readonly host: string;
  readonly port: number;
  /** A handler failed without an HttpError. */
  readonly onFailure: (error: unknown) => void;
}

/** An answer that is no success, with a sentence for a person. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const bodyBytesMax = 64 * 1024;

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#fail(response, error));
    });
  }

  /** Resolves with its URL. */
  async listen(): Promise<string> {
    const { host, port } = this.#options;
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    // It listens on TCP.
    const address = this.#server.address() as AddressInfo;
    return `http://${host}:${String(address.port)}`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const { pathname } = new URL(url, 'http://chat.example');
    const asset = this.#options.assets.get(pathname);
    if (asset !== undefined && (method === 'GET' || method === 'HEAD')) {
      this.#sendAsset(response, asset, method);
      return;
    }
    const found = find(this.#options.routes, method, pathname);
    if (found === undefined) throw new HttpError(404, `There is no ${method} ${pathname}.`);
    const session = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    const body = await readBody(request);
    const result = await found.handler({ params: found.params, body, session });
    send(response, result === undefined ? 204 : 200, result);
  }

  #sendAsset(response: ServerResponse, { type, body }: Asset, method: string): void {
    response.writeHead(200, {
      ...safetyHeaders,
      'Content-Type': type,
      'Content-Security-Policy': contentSecurityPolicy(this.#options.clientUrl),
    });
    response.end(method === 'HEAD' ? undefined : body);
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (error instanceof HttpError) {
      send(response, error.status, { message: error.message });
      return;
    }
    this.#options.onFailure(error);
    if (response.headersSent) response.destroy();
    else send(response, 500, { message: 'This did not work: try again.' });
  }
}

const safetyHeaders = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

function contentSecurityPolicy(clientUrl: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${new URL(clientUrl).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const headers = { ...safetyHeaders, 'Content-Type': 'application/json; charset=utf-8' };
  response.writeHead(status, headers);
  response.end(value === undefined ? undefined : JSON.stringify(value));
}

interface Found {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
}

function find(routes: Routes, method: string, path: string): Found | undefined {
  const given = path.split('/');
  for (const [route, handler] of Object.entries(routes)) {
    const [routeMethod, routePath = ''] = route.split(' ');
    const wanted = routePath.split('/');
    if (routeMethod !== method || wanted.length !== given.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, index) => {
      const value = given[index] ?? '';
      if (!part.startsWith(':')) return part === value;
      params[part.slice(1)] = decoded(value);
      return value !== '';
    });
    if (fits) return { handler, params };
  }
  return undefined;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, `The path has a wrong escape: "${segment}".`);
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    // Without an encoding, a request's chunks are buffers.
    const buffer = chunk as Buffer;
    bytes += buffer.length;
    if (bytes > bodyBytesMax) {
      throw new HttpError(413, `A body has at most ${String(bodyBytesMax)} bytes.`);
    }
    chunks.push(buffer);
  }
  if (bytes === 0) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return value;
  } catch {
    throw new HttpError(400, 'The body must be JSON.');
  }
}
