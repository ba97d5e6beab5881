/**
 * Answers the requests of the playground, the page that development mode shows at `/`: its files and
 * the two endpoints that mint tokens for it. The page itself uses the public protocol only.
 */
import { readFileSync } from 'node:fs';
import type { HttpRequest, HttpResponse } from '../transport/transport.ts';
import { refusalOfForeignRequest } from './local-only.ts';

/** What the playground needs of the gateway; both tokens should live for an hour at most. */
export interface PlaygroundContext {
  /** A client token for this user in this hub, with the right to join and send to every group. */
  clientToken(hub: string, userId: string): string;
  /** A token for the REST API whose audience is this path at the gateway's own endpoint. */
  serverToken(path: string): string;
}

interface Asset {
  readonly file: string;
  readonly type: string;
}

const script = 'text/javascript; charset=utf-8';

const assets: Readonly<Record<string, Asset>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/playground/style.css': { file: 'style.css', type: 'text/css; charset=utf-8' },
  '/playground/app.js': { file: 'app.js', type: script },
  '/playground/pane.js': { file: 'pane.js', type: script },
  '/playground/frame-log.js': { file: 'frame-log.js', type: script },
};

const hubName = /^[A-Za-z][A-Za-z0-9_`,.[\]]{0,127}$/;
const userLengthMax = 128;

const safetyHeaders = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

/**
 * The answer to a request of the playground, or undefined when the request is not one. Serve it in
 * development mode only: whoever may ask gets tokens. Requests of other machines and other sites are
 * refused with 403.
 */
export function playgroundResponse(
  request: HttpRequest,
  context: PlaygroundContext,
): HttpResponse | undefined {
  const { method, path } = request;
  const asset = Object.hasOwn(assets, path) ? assets[path] : undefined;
  const mint = Object.hasOwn(minters, path) ? minters[path] : undefined;
  if (asset === undefined && mint === undefined) return undefined;

  const refusal = refusalOfForeignRequest(request);
  if (refusal !== undefined) return json(403, { code: 'Forbidden', message: refusal });

  const allowed = asset === undefined ? ['POST'] : ['GET', 'HEAD'];
  if (!allowed.includes(method)) {
    const message = `${path} takes ${allowed.join(' or ')}, not ${method}.`;
    const response = json(405, { code: 'MethodNotAllowed', message });
    return { ...response, headers: { ...response.headers, Allow: allowed.join(', ') } };
  }
  if (asset !== undefined) return page(asset, request);
  return mint?.(new URLSearchParams(request.query), context);
}

type Mint = (query: URLSearchParams, context: PlaygroundContext) => HttpResponse;

const minters: Readonly<Record<string, Mint>> = {
  '/playground/token': (query, context) => {
    const hub = query.get('hub') ?? '';
    const user = query.get('user') ?? '';
    if (!hubName.test(hub)) {
      return badRequest(
        `hub must be a letter, then letters, digits or _ (128 at most), got "${hub}".`,
      );
    }
    if (user.trim() === '' || user.length > userLengthMax) {
      return badRequest(`user must have 1 to ${userLengthMax} characters, got ${user.length}.`);
    }
    return json(200, { token: context.clientToken(hub, user) });
  },
  '/playground/server-token': (query, context) => {
    const path = query.get('path') ?? '';
    if (!path.startsWith('/api/hubs/')) {
      return badRequest(`path must begin with /api/hubs/, got "${path}".`);
    }
    return json(200, { token: context.serverToken(path) });
  },
};

function page(asset: Asset, request: HttpRequest): HttpResponse {
  // Read at each request: the page is for development, where its files change.
  const body = readFileSync(new URL(`assets/${asset.file}`, import.meta.url));
  const headers = {
    ...safetyHeaders,
    'Content-Type': asset.type,
    'Content-Security-Policy': contentSecurityPolicy(request.headers.get('host') ?? ''),
  };
  return { status: 200, headers, ...(request.method === 'HEAD' ? {} : { body }) };
}

/** `host` has passed the loopback test, so it cannot add a directive. */
function contentSecurityPolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    // Not every browser lets 'self' stand for the WebSocket schemes.
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function badRequest(message: string): HttpResponse {
  return json(400, { code: 'BadRequest', message });
}

function json(status: number, value: unknown): HttpResponse {
  const headers = { ...safetyHeaders, 'Content-Type': 'application/json; charset=utf-8' };
  return { status, headers, body: JSON.stringify(value) };
}
